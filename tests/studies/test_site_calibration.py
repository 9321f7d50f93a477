"""Calibration anew on a site's own patients: fitted honestly, and never unsaid."""

import hashlib
import json

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from pipeline.config import Settings
from pipeline.evaluate.load import load_judged
from pipeline.evaluate.stage import evaluate
from pipeline.figures.figure import Undefined
from pipeline.figures.reliability import log_loss_from_logits
from pipeline.model.calibration import Calibration
from pipeline.model.card import card_path, read_card
from pipeline.model.fit_calibration import refit
from pipeline.model.seen_patients import met_in_training, patients_among
from pipeline.model.threshold import region_threshold
from pipeline.preprocess.tables import read_mammograms
from pipeline.report.training import describe_training
from pipeline.run.errors import UserError
from pipeline.run.events import EventLog
from pipeline.run.layout import RunFolder
from pipeline.run.settings import Remembered, remember
from pipeline.run.stage import Stage
from pipeline.studies.site import cross_fitted, site_of
from pipeline.studies.site_calibration import calibrate
from tests.evaluate.fabricated_run import Woman, fabricate, women
from tests.model.cards import a_card, change_card

SETTINGS = Settings.model_validate(
    {"image": {"spacing_mm": 0.4}, "evaluate": {"bootstrap": 60}, "train": {"fp_per_image": 0.25}}
)
OLD = Calibration(training_prior=0.5, natural_prior=0.03, temperature=1.2)
WEIGHTS = b"weights"


def site_run(folder, people=None) -> RunFolder:
    """A run that used the model in FOLDER/there; its predictions are too certain by a factor."""
    run = fabricate(folder, people or women(normal=8, abnormal=8), model=str(folder / "there"))
    remember(run, SETTINGS, Remembered("configs/dicom.yaml", {}, str(folder / "there")))
    (folder / "there").mkdir()
    run.model.rename(folder / "there" / "model")
    model = folder / "there" / "model"
    change_card(model, sha256=hashlib.sha256(WEIGHTS).hexdigest())
    (model / "model.safetensors").write_bytes(WEIGHTS)
    return run


def opened(run: RunFolder) -> Stage:
    return Stage(run, SETTINGS, EventLog(run, "calibrate"))


def site(run: RunFolder):
    judged = load_judged(run)
    return site_of(judged, met=judged.images["patient_id"] == "")


def test_the_new_model_has_the_same_weights_and_the_prior_counted_at_the_site(tmp_path):
    run = site_run(tmp_path)
    text = calibrate(opened(run))
    table = pd.read_parquet(run.predictions)
    labels = table.loc[table["label"] >= 0, "label"]
    there, here = (read_card(folder) for folder in (tmp_path / "there" / "model", run.model))
    assert here.calibration.natural_prior == labels.mean() != there.calibration.natural_prior
    assert here.calibration.training_prior == there.calibration.training_prior
    assert (run.model / "model.safetensors").read_bytes() == WEIGHTS
    assert here.sha256 == there.sha256
    assert (here.image, here.labels, here.maps) == (there.image, there.labels, there.maps)
    assert "16 patients, 8 lesions" in text
    assert f"MODEL={run.root} uses the new calibration" in text


def test_the_old_model_is_not_touched_and_the_new_one_says_where_it_comes_from(tmp_path):
    run = site_run(tmp_path)
    path = card_path(tmp_path / "there" / "model")
    before = path.read_bytes()
    calibrate(opened(run))
    assert path.read_bytes() == before
    on = read_card(run.model).calibrated_on
    assert on.model == str(tmp_path / "there")
    assert on.description_sha256 == hashlib.sha256(before).hexdigest()
    assert on.calibration_before == OLD
    assert (on.patients, on.lesions, on.datasets) == (16, 8, ("phantom",))
    assert on.positives < on.positions


def test_the_new_model_has_a_card_with_the_figures_of_patients_it_was_not_fitted_on(tmp_path):
    run = site_run(tmp_path)
    evaluate(opened(run))  # of the former calibration
    calibrate(opened(run))
    card = (run.model / "model-card.md").read_text()
    found = json.loads(run.site_calibration.read_text())
    row = next(line for line in card.splitlines() if line.startswith("| log loss"))
    assert (
        row.split()
        == (
            f"| log loss | {found['before']['log_loss']:.4f} | {found['after']['log_loss']:.4f} |"
        ).split()
    )
    assert "each patient by a calibration of the other patients" in card
    assert "calibrated anew after the training" in card
    assert "calibrated anew" not in run.model_card.read_text()


def test_an_overconfident_network_is_cooled_to_the_temperature_that_made_it_so():
    rng = np.random.default_rng(0)
    natural = rng.normal(-3, 2, 100_000)
    labels = (rng.random(natural.size) < expit(natural)).astype(int)
    logits = 3 * (natural - logit(labels.mean()))
    fitted = refit(OLD, labels, logits, lesions=29)
    assert fitted.natural_prior == labels.mean()
    assert fitted.temperature == pytest.approx(3, rel=0.03)
    np.testing.assert_allclose(fitted.logit(logits), natural, atol=0.15)


@pytest.mark.parametrize(("lesions", "is_fitted"), [(29, False), (30, True)])
def test_the_training_prior_is_fitted_from_thirty_lesions_on(tmp_path, lesions, is_fitted):
    run = site_run(tmp_path, women(normal=2, abnormal=lesions))
    calibrate(opened(run))
    card = read_card(run.model)
    assert (card.calibration.training_prior != 0.5) is is_fitted
    whole = site(run)
    promised = float(card.calibration.probability(whole.logits).sum())
    assert bool(abs(promised / whole.labels.sum() - 1) < 1e-3) is is_fitted


def test_where_the_classes_are_separated_the_old_temperature_stays():
    fitted = refit(OLD, np.array([0, 0, 0, 1]), np.array([-1.0, -2.0, -3.0, 1.0]), lesions=1)
    assert (fitted.natural_prior, fitted.temperature) == (0.25, OLD.temperature)


@pytest.mark.parametrize("labels", [[0, 0], [1, 1], []])
def test_without_both_classes_there_is_no_calibration(labels):
    with pytest.raises(Undefined, match="positive and negative"):
        refit(OLD, np.array(labels), np.zeros(len(labels)), lesions=1)


def test_no_patients_own_labels_move_her_own_probabilities(tmp_path):
    whole = site(site_run(tmp_path))
    before = cross_fitted(whole, OLD)
    positions = whole.judged.positions
    hers = (positions["patient_id"] == "p-test-counts-0").to_numpy()
    # Other labels of hers, of which the folds are still the same.
    turned = np.where(hers, positions["label"].to_numpy()[::-1], positions["label"])
    turned[np.flatnonzero(hers)[0]] = 1
    positions["label"] = turned
    after = cross_fitted(whole, OLD)
    np.testing.assert_array_equal(after[hers], before[hers])
    assert (after[~hers] != before[~hers]).any()


def test_every_patient_has_one_calibration_and_none_that_of_all_together(tmp_path):
    whole = site(site_run(tmp_path))
    logits = cross_fitted(whole, OLD)
    shift = logits - whole.refit(OLD).logit(whole.logits)
    by_patient = whole.judged.positions.assign(shift=shift).groupby("patient_id")
    # One line per patient: a temperature and a prior.
    for _, rows in by_patient:
        fit = np.polyfit(rows["trained_logit"], rows["shift"], 1)
        np.testing.assert_allclose(np.polyval(fit, rows["trained_logit"]), rows["shift"], atol=1e-6)
    assert (np.abs(shift) > 0).all()


def test_the_estimate_is_that_of_the_cross_fitted_probabilities(tmp_path):
    run = site_run(tmp_path)
    calibrate(opened(run))
    content = json.loads(run.site_calibration.read_text())
    whole = site(run)
    for when, logits in (("before", OLD.logit(whole.logits)), ("after", cross_fitted(whole, OLD))):
        expected = log_loss_from_logits(logits, whole.labels)
        assert content[when]["log_loss"] == pytest.approx(expected, rel=1e-9)
        assert set(content[when]) >= {"brier", "ece", "slope", "observed_over_expected"}
    assert content["after"]["log_loss"] < content["before"]["log_loss"]
    assert "5 folds" in content["estimated"]


def test_the_region_threshold_leaves_the_false_alarms_asked_for(tmp_path):
    run = site_run(tmp_path)
    calibrate(opened(run))
    card = read_card(run.model)
    alarms = site(run).evidence().false_alarms
    assert len(alarms) == 16  # one in each mammogram, see fabricated_run
    at = card.calibration.trained_logit(logit(card.region_threshold))
    assert sum((a > at).sum() for a in alarms) == 4
    source = json.loads(run.site_calibration.read_text())["region_threshold_source"]
    assert source == "0.25 false alarms per mammogram, on 16 site mammograms"


def test_a_threshold_below_the_prior_is_the_prior_and_a_guess_says_so():
    moved = Calibration(0.5, 0.1, 1.0)
    found = region_threshold([np.array([-3.0, -4.0])], moved, fp_per_image=1, whose="site")
    assert found.probability == 0.1
    assert found.source.startswith("the natural prior; 1 false alarm per mammogram, on 1 site")
    guess = region_threshold([np.array([])], moved, fp_per_image=1, whose="site")
    assert guess.is_guess
    assert guess.probability == pytest.approx(0.1)


def test_few_lesions_are_warned_about(tmp_path, capsys):
    calibrate(opened(site_run(tmp_path)))
    assert "fitted on 8 lesions, fewer than 30" in capsys.readouterr().err


def test_patients_that_the_model_was_trained_on_are_left_out(tmp_path, capsys):
    run = site_run(tmp_path)
    seen = ("elsewhere", "test-counts-0", "test-normal-1")
    change_card(tmp_path / "there" / "model", training={"pixel_hashes": seen})
    calibrate(opened(run))
    content = json.loads(run.site_calibration.read_text())
    assert content["patients"] == 14
    assert content["lesions"] == 7
    assert "2 patients are left out: the model was trained on them" in capsys.readouterr().err


def test_a_patient_is_left_out_with_all_her_mammograms(tmp_path):
    whole = load_judged(site_run(tmp_path))
    hers = whole.images["image_id"].isin(["test-counts-0", "test-counts-1"])
    whole.images.loc[hers, "patient_id"] = "p"
    card = a_card(training={"pixel_hashes": ["test-counts-0"]})
    left = site_of(whole, met=met_in_training(card, whole.images))
    assert len(left.judged.images) == 14
    assert "p" not in left.judged.patients
    assert left.left_out == 1


def test_mammograms_that_are_not_fully_outlined_do_not_make_the_prior(tmp_path):
    people = [*women(), Woman("half", "test", "counts", complete=False)]
    whole = site(site_run(tmp_path, people))
    assert "half" not in set(whole.judged.positions["image_id"])
    assert whole.not_outlined == 1
    assert whole.labels.mean() < 0.1


def test_without_labels_it_says_what_is_missing(tmp_path):
    people = [Woman(f"w{i}", "test", outcome="normal") for i in range(4)]
    run = site_run(tmp_path, people)
    with pytest.raises(UserError, match=r"have 0 positive and \d+ negative ones"):
        calibrate(opened(run))
    assert not run.model.exists()


def test_one_patient_with_lesions_gives_a_model_without_an_estimate(tmp_path):
    people = [w for w in women() if w.name.endswith("-0") or "normal" in w.name]
    text = calibrate(opened(site_run(tmp_path, people)))
    assert "After: unknown, a calibration needs positive and negative positions" in text


def test_a_run_with_its_own_model_is_refused(tmp_path):
    with pytest.raises(UserError, match="make calibrate MODEL="):
        calibrate(opened(fabricate(tmp_path, women())))


def test_the_new_model_knows_the_patients_that_it_was_calibrated_on(tmp_path):
    run = site_run(tmp_path)
    calibrate(opened(run))
    seen = read_card(run.model).calibrated_on.pixel_hashes
    mammograms = read_mammograms(run)
    assert patients_among(mammograms, seen) == 16
    assert patients_among(mammograms[mammograms["split"] == "train"], seen) == 0
    # Other ids do not hide them, and ids are not in the file.
    renamed = mammograms.assign(patient_id=[f"x{i}" for i in range(len(mammograms))])
    assert patients_among(renamed, seen) == 16
    assert "p-test-counts-0" not in run.model_file.read_text()


def test_an_evaluation_of_the_new_model_on_its_patients_says_so(tmp_path, capsys):
    run = site_run(tmp_path)
    calibrate(opened(run))
    capsys.readouterr()

    def judge() -> int:
        evaluate(Stage(run, SETTINGS, EventLog(run, "evaluate")))
        return json.loads(run.metrics.read_text())["patients_of_the_calibration"]

    assert judge() == 0  # the run itself uses the old model
    assert capsys.readouterr().err == ""
    remember(run, SETTINGS, Remembered("configs/dicom.yaml", {}, str(run.root)))
    assert judge() == 16
    assert "calibrated on 16 of these 16 patients" in capsys.readouterr().err


def test_the_report_does_not_tell_the_training_of_the_copied_model_as_its_own(tmp_path):
    run = site_run(tmp_path)
    calibrate(opened(run))
    assert describe_training(run) is None


def test_a_model_without_weights_is_refused_before_anything_is_written(tmp_path):
    run = site_run(tmp_path)
    (tmp_path / "there" / "model" / "model.safetensors").unlink()
    with pytest.raises(UserError, match=r"model\.safetensors is missing"):
        calibrate(opened(run))
    assert not run.model.exists()
    assert not run.site_calibration.exists()


def test_the_same_calibration_twice_is_the_same_and_the_former_is_kept(tmp_path):
    run = site_run(tmp_path)
    calibrate(opened(run))
    first = run.model_file.read_bytes()
    calibrate(opened(run))
    assert run.model_file.read_bytes() == first
    assert card_path(run.set_aside / "model-1").read_bytes() == first
