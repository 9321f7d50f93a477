"""Two runs on the same women, paired."""

import json

import numpy as np
import pandas as pd
import pytest

from pipeline.config import EvaluateSettings
from pipeline.evaluate.load import load_judged
from pipeline.run.atomic import json_text
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder
from pipeline.studies.compare import compare, comparison_text
from pipeline.studies.crossval import pooled_metrics
from tests.evaluate.fabricated_run import Woman, fabricate, women

QUICK = EvaluateSettings(bootstrap=80)


def test_a_run_compared_with_itself_differs_by_exactly_nothing(tmp_path):
    run = fabricate(tmp_path, women())
    content = compare(run, run, QUICK)
    for row in content["figures"].values():
        assert row["difference"]["value"] == row["difference"]["low"] == 0.0
        assert row["difference"]["high"] == 0.0


def test_an_oracle_is_better_and_the_interval_of_the_difference_says_so(tmp_path):
    noise = fabricate(tmp_path / "noise", women())
    oracle = fabricate(tmp_path / "oracle", women(), oracle=True)
    content = compare(oracle, noise, QUICK)
    assert list(content["figures"]) == [
        *("patch_auc", "patch_partial_auc", "patch_ap", "log_loss", "image_auc", "mean_froc"),
        "lesions_with_candidate",
    ]
    auc = content["figures"]["patch_auc"]
    assert auc["first"]["value"] == 1.0
    assert auc["difference"]["value"] == pytest.approx(1.0 - auc["second"]["value"])
    assert auc["difference"]["low"] > 0
    # Paired: the oracle never moves, so the difference has the width of the noise alone.
    width = auc["second"]["high"] - auc["second"]["low"]
    assert auc["difference"]["high"] - auc["difference"]["low"] == pytest.approx(width)
    assert content["figures"]["log_loss"]["difference"]["value"] < 0
    assert json.loads((oracle.root / "compare-run.json").read_text()) == content
    assert "patch AUC" in comparison_text(content)
    page = (oracle.root / "compare-run.html").read_text()
    assert "patch AUC" in page and "Neither run has maps" in page


def test_runs_on_other_mammograms_are_refused(tmp_path):
    here = fabricate(tmp_path / "here", women())
    there = fabricate(tmp_path / "there", [*women(), Woman("one-more", "test")])
    with pytest.raises(UserError, match="one-more and 0 more are in one only"):
        compare(here, there, QUICK)


def test_other_labels_are_refused(tmp_path):
    people = women()
    here, there = fabricate(tmp_path / "here", people), fabricate(tmp_path / "there", people)
    table = pd.read_parquet(there.predictions)
    table.loc[np.flatnonzero(table["label"] == 0)[0], "label"] = 1
    table.to_parquet(there.predictions, index=False)
    with pytest.raises(UserError, match="different positions or labels"):
        compare(here, there, QUICK)


def crossvalidated(folder, *, oracle: bool = False) -> RunFolder:
    """Two folds of four women each, all folds' networks as one model, and the pooled figures."""
    run = RunFolder(folder / "study")
    folds = []
    for number in (1, 2):
        people = [
            Woman(f"{number}-{kind or 'normal'}-{i}", "test", kind)
            for kind in ("", "counts")
            for i in range(2)
        ]
        made = fabricate(folder / str(number), people, oracle=oracle)
        run.fold(number).root.parent.mkdir(parents=True, exist_ok=True)
        made.root.rename(run.fold(number).root)
        folds.append(load_judged(run.fold(number)))
    run.folds.model.mkdir()
    run.crossval.write_text(json_text(pooled_metrics(folds, QUICK)))
    return run


def test_two_cross_validations_are_compared_over_all_their_folds(tmp_path):
    here, there = crossvalidated(tmp_path / "a"), crossvalidated(tmp_path / "b", oracle=True)
    content = compare(here, there, QUICK)
    assert content["patients"] == 8
    row = content["figures"]["patch_auc"]
    # As crossval.json has it, with its calibration of the folds.
    assert row["first"]["value"] == json.loads(here.crossval.read_text())["patch_auc"]["value"]
    assert row["second"]["value"] == 1.0
    assert (here.root / "compare-study.json").is_file()
