"""Limits in sentences: each is there when its number says so, and not otherwise."""

import pytest

from pipeline.report.limits import limits_of
from tests.model.cards import a_card


def figure(value, low, high, **more) -> dict:
    return {"value": value, "low": low, "high": high, "n": 100, **more}


SURE, ONE = figure(0.95, 0.93, 0.97), figure(1.02, 0.8, 1.3)
FITTING = {"slope": ONE, "observed_over_expected": ONE}
GOOD = {
    "patch_auc": SURE,
    "image_auc": SURE,
    "mean_froc": SURE,
    "counts": {"patients": 400, "lesions": 150},
    "baselines": {"position": {"lead_of_the_network": figure(0.1, 0.05, 0.15)}},
    "calibration": {"after": FITTING, "lesions_equal": FITTING},
}


def limits(**changed) -> str:
    return " ".join(limits_of(metrics=GOOD | changed))


def calibrated(**changed) -> str:
    return limits(calibration={"after": FITTING | changed, "lesions_equal": FITTING})


def test_good_and_certain_figures_have_no_limits():
    assert limits() == ""


def test_a_wide_interval_is_told_with_what_it_rests_on():
    text = limits(mean_froc=figure(0.55, 0.37, 0.74), counts={"patients": 27, "lesions": 1})
    assert "Wide intervals: mean FROC sensitivity 0.550 (0.370 to 0.740)." in text
    assert "27 patients with 1 finding cannot tell more" in text


@pytest.mark.parametrize(
    ("low", "high", "word"), [(0.43, 0.77, "contains 0.5"), (0.3, 0.45, "lies below 0.5")]
)
def test_an_image_auc_that_may_be_chance_is_told(low, high, word):
    text = limits(image_auc=figure(0.44, low, high))
    assert f"the interval of the image AUC, 0.440 ({low:.3f} to {high:.3f}), {word}" in text
    assert "tells positions" not in text


def test_a_patch_auc_that_may_be_chance_is_told():
    assert "abnormal positions from normal ones" in limits(patch_auc=figure(0.55, 0.49, 0.6))


def test_an_undefined_figure_is_told_with_its_reason():
    text = limits(image_auc=figure(None, None, None, reason="no normal image"))
    assert text == "The image AUC is not known: no normal image."
    alone = figure(0.9, None, None, reason="an interval needs at least two patients")
    assert "has no interval: an interval needs" in limits(patch_auc=alone)


def test_a_network_that_is_no_better_than_the_place_is_told():
    lead = {"lead_of_the_network": figure(0.02, -0.01, 0.05)}
    text = limits(baselines={"position": lead})
    assert "better than the place in the breast alone does: its lead is 0.020" in text
    behind = {"lead_of_the_network": figure(-0.1, -0.2, -0.05)}
    assert "worse than local mean" in limits(baselines={"mean_contrast": behind})


@pytest.mark.parametrize(
    ("name", "low", "high", "sentence"),
    [
        ("observed_over_expected", 1.05, 2.5, "too low: more is abnormal than they say"),
        ("observed_over_expected", 0.2, 0.9, "too high: less is abnormal than they say"),
        ("slope", 0.6, 0.9, "too extreme: the calibration slope is"),
        ("slope", 1.2, 1.9, "too timid: the calibration slope is"),
    ],
)
def test_a_calibration_interval_that_excludes_1_is_told(name, low, high, sentence):
    text = calibrated(**{name: figure((low + high) / 2, low, high)})
    assert sentence in text and "its interval excludes 1" in text
    assert "findings counted alike" not in text
    alike = {"after": FITTING, "lesions_equal": FITTING | {name: figure(low, low, high)}}
    assert "findings counted alike" in limits(calibration=alike)


def test_a_calibration_that_is_undefined_or_fits_is_no_limit():
    assert calibrated(slope=figure(None, None, None, reason="separated")) == ""
    assert limits(calibration={"before": None, "after": None, "lesions_equal": None}) == ""


def test_patients_of_the_calibration_flatter_it():
    assert "calibrated on 7 of these 400 patients" in limits(patients_of_the_calibration=7)
    assert limits(patients_of_the_calibration=0) == ""


def test_patients_of_the_training_make_every_figure_worthless():
    assert "trained on 3 of these 400 patients" in limits(patients_of_the_training=3)
    assert limits(patients_of_the_training=0) == ""


def test_the_prior_and_code_that_is_in_no_commit_are_told_after_the_training():
    model = a_card(calibration={"natural_prior": 0.007})
    (prior,) = limits_of(model=model, datasets=["mias", "inbreast"])
    assert "assumes that 0.70 % of the positions" in prior
    assert len(limits_of(model=model.model_copy(update={"dirty": True}))) == 2
    _, unknown = limits_of(model=model.model_copy(update={"commit": ""}))
    assert "commit of the code that made the model is not known" in unknown


def test_what_taking_a_mammogram_s_level_off_costs_a_large_finding_is_told():
    model = a_card(maps={"level_share": 0.8}, usual_level=0.0)
    level, _ = limits_of(model=model, datasets=["mias", "inbreast"])
    assert "80 % of a mammogram's own level is taken off its map" in level
    assert "too low in a finding that fills much of the breast" in level
    assert len(limits_of(model=a_card(), datasets=["mias", "inbreast"])) == 1
