"""Figures by group."""

from dataclasses import replace

from pipeline.config import EvaluateSettings
from pipeline.evaluate.groups import image_groups, kind_parts, lesion_groups
from pipeline.evaluate.judge import Bootstrap
from pipeline.evaluate.load import load_judged
from pipeline.evaluate.matching import match_candidates
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


def of_two_kinds(judged):
    """Every other lesion is a calcification."""
    found = [i for i in sorted(judged.outlines) if judged.outlines[i]]
    outlines = judged.outlines | {
        i: [replace(o, kind="calcification") for o in judged.outlines[i]] for i in found[::2]
    }
    return replace(judged, outlines=outlines), set(found[::2]), set(found[1::2])


def test_a_kind_is_judged_as_if_there_were_no_other(tmp_path):
    judged, _ = judged_and_bootstrap(tmp_path, women(), oracle=True)
    both, calcified, masses = of_two_kinds(judged)
    parts = {kind: part for by, kind, part in kind_parts(both)}
    assert list(parts) == ["calcification", "mass"]
    for kind, own, other in (("calcification", calcified, masses), ("mass", masses, calcified)):
        part = parts[kind]
        positive = part.positions[part.positions["label"] == 1]
        assert set(positive["image_id"]) == own
        negative = (part.positions["label"] == 0).sum(), (judged.positions["label"] == 0).sum()
        assert negative[0] == negative[1]
        truth = part.images.set_index("image_id")["truth"]
        assert set(truth[list(own)]) == {1} and set(truth[list(other)]) == {-1}
        assert (truth == 0).sum() == 6
        matches = match_candidates(part).matches
        assert (len(matches.lesion_scores), len(matches.false_scores)) == (3, 0)
    assert all(o.positive for found in both.outlines.values() for o in found)


def test_one_kind_is_no_group(tmp_path):
    judged, _ = judged_and_bootstrap(tmp_path, women())
    assert list(kind_parts(judged)) == []
