"""Figures by group."""

from pipeline.config import EvaluateSettings
from pipeline.evaluate.groups import image_groups, lesion_groups
from pipeline.evaluate.judge import Bootstrap
from pipeline.evaluate.load import load_judged
from pipeline.figures.ranking import roc_auc
from tests.evaluate.fabricated_run import Woman, fabricate, women


def judged_and_bootstrap(tmp_path, people, **options):
    judged = load_judged(fabricate(tmp_path, people, **options))
    return judged, Bootstrap.of(judged, EvaluateSettings(bootstrap=50))


def test_a_group_is_judged_on_its_own_positions(tmp_path):
    judged, bootstrap = judged_and_bootstrap(tmp_path, women())
    rows = image_groups(judged, bootstrap)
    # The fabricated women share view, scanner and data set and have no density.
    assert [(r["by"], r["group"]) for r in rows] == [("laterality", "L"), ("laterality", "R")]
    left = judged.images.loc[judged.images["laterality"] == "L", "image_id"]
    there = judged.positions[judged.positions["image_id"].isin(left)]
    assert rows[0]["images"] == len(left)
    assert rows[0]["patch_auc"]["value"] == roc_auc(there["label"], there["logit"])


def test_the_images_of_a_group_are_ranked_among_themselves(tmp_path):
    people = [
        Woman(f"{site}-{outcome}-{n}", "test", outcome=outcome, complete=False, site=site)
        for site in ("site-1", "site-2")
        for outcome in ("normal", "abnormal")
        for n in range(3)
    ]
    judged, bootstrap = judged_and_bootstrap(tmp_path, people)
    rows = {row["group"]: row for row in image_groups(judged, bootstrap) if row["by"] == "site"}
    assert list(rows) == ["site-1", "site-2"]
    of_site = judged.images[judged.images["site"] == "site-2"]
    figure = rows["site-2"]["image_auc"]
    assert figure["value"] == roc_auc(of_site["outcome"] == "abnormal", of_site["logit"])
    assert figure["n"] == 6 and figure["low"] <= figure["value"] <= figure["high"]
    assert rows["site-2"]["patch_auc"]["reason"] == "there are no labelled positions in this group"


def test_every_kind_of_lesion_says_how_many_are_found(tmp_path):
    judged, bootstrap = judged_and_bootstrap(tmp_path, women(), oracle=True)
    rows = lesion_groups(judged, bootstrap)
    assert [(r["by"], r["group"]) for r in rows] == [("kind", "mass"), ("pathology", "malignant")]
    assert rows[0]["sensitivity"] == {"value": 1.0, "low": 1.0, "high": 1.0, "n": 6}


def test_without_lesions_there_are_no_lesion_groups(tmp_path):
    judged, bootstrap = judged_and_bootstrap(tmp_path, [Woman("healthy", "test")], oracle=True)
    assert lesion_groups(judged, bootstrap) == []
