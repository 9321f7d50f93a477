"""Cross-validation: folds run by the ordinary stages, judged as one."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from pipeline.config import EvaluateSettings, Settings
from pipeline.evaluate.load import load_judged
from pipeline.evaluate.pooled import pool, recalibrated
from pipeline.figures.ranking import roc_auc
from pipeline.model.recipe import recipe_of
from pipeline.run.errors import UserError
from pipeline.run.events import EventLog, read_events
from pipeline.run.layout import RunFolder
from pipeline.run.settings import Remembered, recall, remember
from pipeline.run.stage import Stage
from pipeline.studies import crossval as study
from tests.evaluate.fabricated_run import Woman, fabricate
from tests.model.cards import a_card

QUICK = EvaluateSettings(bootstrap=60)


def people(fold: int) -> list[Woman]:
    return [
        Woman(f"{split}-{fold}-{kind or 'normal'}-{i}", split, kind)
        for split in ("train", "test")
        for kind in ("", "counts")
        for i in range(4)
    ]


@pytest.fixture(scope="module")
def folds(tmp_path_factory):
    root = tmp_path_factory.mktemp("folds")
    return [load_judged(fabricate(root / str(fold), people(fold))) for fold in (1, 2)]


def test_the_pool_holds_every_test_patient_once_and_ranks_by_probability(folds):
    pooled = pool(folds)
    assert len(pooled.patients) == 16
    assert len(pooled.positions) == sum(len(fold.positions) for fold in folds)
    index = pooled.patient_index(pooled.positions["patient_id"])
    named = np.array(pooled.patients)[index]
    assert (named == pooled.positions["patient_id"]).all()
    labels = np.concatenate([fold.positions["label"] for fold in folds])
    logits = np.concatenate([fold.positions["logit"] for fold in folds])
    metrics = study.pooled_metrics(folds, QUICK)
    # With 0 lesions among the validation patients both folds get another temperature.
    assert metrics["patch_auc"]["value"] == pytest.approx(roc_auc(labels, logits), abs=0.02)
    assert metrics["counts"]["patients"] == 16
    assert len(metrics["folds"]) == 2
    assert metrics["folds"][0]["counts"]["patients"] == 8


def test_a_patient_tested_twice_is_no_cross_validation(folds):
    with pytest.raises(UserError, match="more than once"):
        pool([folds[0], folds[0]])


def test_a_fold_is_calibrated_by_the_others_and_ranks_as_before(folds):
    moved = recalibrated(folds)
    for before, after in zip(folds, moved, strict=True):
        assert after.card.calibration.temperature != before.card.calibration.temperature
        for table, score in (("positions", "logit"), ("images", "score"), ("candidates", "score")):
            old, new = getattr(before, table)[score], getattr(after, table)[score]
            assert (old != new).all()
            assert (np.argsort(old.to_numpy()) == np.argsort(new.to_numpy())).all()
    # Its own labels do not matter: with them turned round, its calibration is the same.
    turned = folds[0].positions.assign(label=1 - folds[0].positions["label"])
    again = recalibrated([replace(folds[0], positions=turned), folds[1]])
    assert again[0].card.calibration == moved[0].card.calibration


def test_candidates_of_a_fold_are_scored_by_what_the_others_show(tmp_path):
    """With enough lesions in the others; its own training has fitted none."""
    parts = [[Woman(f"{n}-{i}", "test", "counts" if i else "") for i in range(31)] for n in "abc"]
    runs = [fabricate(tmp_path / str(n), people) for n, people in enumerate(parts)]
    folds = [load_judged(run) for run in runs]
    moved = recalibrated(folds)
    score = moved[0].card.candidate_score
    assert score.lesions == 60
    own = moved[0].candidates
    assert own["candidate_probability"].tolist() == pytest.approx(expit(own["score"]).tolist())
    # Its own lesions do not matter.
    unknown = {image_id: [] for image_id in folds[0].outlines}
    again = recalibrated([replace(folds[0], outlines=unknown), *folds[1:]])
    assert again[0].card.candidate_score == score
    assert again[1].card.candidate_score != moved[1].card.candidate_score
    pooled = study.pooled_metrics(folds, QUICK)
    assert pooled["lesions_with_candidate"]["value"] == 1.0


@pytest.fixture
def stage(tmp_path, monkeypatch):
    """A study whose stages fabricate the runs and note what they were asked for."""
    run = RunFolder(tmp_path / "study")
    run.root.mkdir()
    settings = Settings.model_validate({"evaluate": {"bootstrap": 60}})
    remember(run, settings, Remembered("configs/mias.yaml", {"data.root": "x"}, ""))
    asked = []

    def run_stages(sub, study, changed, *, upto):
        asked.append((upto, sub.root.name, study.root, changed))
        if not sub.metrics.exists():
            made = fabricate(tmp_path / "made" / sub.root.name, people(int(sub.root.name)))
            sub.root.parent.mkdir(exist_ok=True)
            made.root.rename(sub.root)

    monkeypatch.setattr(study, "write_folds_model", lambda stage, folds: stage.run.model)
    return Stage(run, settings, EventLog(run, "crossval")), asked, run_stages


def test_each_fold_is_a_run_with_its_own_split_and_the_pool_is_written(stage):
    opened, asked, run_stages = stage
    line = study.crossval(opened, folds=2, run_stages=run_stages)
    assert "16 patients" in line
    assert asked == [
        ("evaluate", str(k), opened.run.root, {"split.folds": "2", "split.fold": str(k)})
        for k in (1, 2)
    ]
    content = json.loads(opened.run.crossval.read_text())
    assert set(content) >= {"patch_auc", "patch_ap", "image_auc", "mean_froc", "froc", "rule"}
    assert content["recipe"] == recipe_of(opened.settings, [a_card()])
    assert content["recalibration"].startswith("each fold by the predictions of the other")
    assert opened.run.fold(1).study.root == opened.run.root
    sent = {e["path"] for e in read_events(opened.run.events) if e["event"] == "artifact"}
    assert "crossval.html" in sent and opened.run.crossval_page.is_file()


def test_another_number_of_folds_in_the_same_folder_is_refused(stage):
    opened, _, run_stages = stage
    fold = opened.run.fold(1)
    remember(fold, opened.settings, Remembered("", {"split.folds": "2", "split.fold": "1"}, ""))
    assert recall(fold).overrides["split.folds"] == "2"
    with pytest.raises(UserError, match="fold 1 of 2, not of 4"):
        study.crossval(opened, folds=4, run_stages=run_stages)
