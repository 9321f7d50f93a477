"""Calibration on numbers with known answers."""

import numpy as np
import pytest
from scipy.special import expit

from pipeline.figures.reliability import (
    brier,
    ece,
    equal_mass_bins,
    log_loss_from_logits,
    log_odds_bins,
    logistic_fit,
    observed_over_expected,
    recalibrations,
    slope_intercept,
)


def drawn_from_logits(*, seed=5, n=20_000):
    """Labels that follow their logits exactly."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(-1.5, 2.0, size=n)
    return logits, (rng.random(n) < expit(logits)).astype(int)


def test_the_log_loss_is_the_textbook_one():
    probabilities = np.array([0.5, 0.7, 0.2, 0.3, 0.5, 0.6])
    logits = np.log(probabilities / (1 - probabilities))
    assert log_loss_from_logits(logits, [0, 1, 0, 0, 0, 0]) == pytest.approx(0.5398464, abs=1e-7)


def test_a_wrong_logit_costs_what_it_says_without_clipping():
    assert log_loss_from_logits([24.0], [0]) == pytest.approx(24.0, abs=1e-9)
    assert log_loss_from_logits([-800.0], [1]) == 800.0


def test_slope_and_intercept_undo_a_known_line():
    logits, labels = drawn_from_logits()
    slope, intercept = slope_intercept(logits, labels)
    assert slope == pytest.approx(1.0, abs=0.05)
    assert intercept == pytest.approx(0.0, abs=0.08)
    twisted = slope_intercept((logits - 2.0) * 4.0, labels)
    assert twisted == pytest.approx((slope / 4, intercept + 2 * slope), abs=1e-6)


def test_slope_and_intercept_survive_logits_that_are_far_off():
    logits, labels = drawn_from_logits(n=2000)
    slope, _ = slope_intercept(logits * 50 + 400, labels)
    assert slope * 50 == pytest.approx(slope_intercept(logits, labels)[0], abs=1e-5)


def test_a_perfect_separation_has_no_slope():
    with pytest.raises(ValueError, match="no finite slope"):
        slope_intercept([-1.0, 1.0], [0, 1])


def test_a_missing_class_is_named():
    with pytest.raises(ValueError, match="there is no positive"):
        slope_intercept([0.0, 1.0], [0, 0])
    with pytest.raises(ValueError, match="there is no negative"):
        slope_intercept([0.0, 1.0], [1, 1])


def test_brier_and_observed_over_expected_by_hand():
    assert brier([0.5, 0.0], [1, 0]) == 0.125
    assert observed_over_expected([0.5, 0.5, 0.0], [1, 1, 0]) == 2.0


def test_bins_have_equal_mass_and_equal_probabilities_share_one():
    assert equal_mass_bins(np.array([0.1, 0.3, 0.2, 0.4]), bins=2).tolist() == [0, 1, 0, 1]
    assert len(set(equal_mass_bins(np.full(10, 0.2), bins=15))) == 1


def test_below_the_prior_bins_have_equal_mass_and_above_it_even_steps_of_log_odds():
    # Even odds are the prior; 40 positions below it, then steps of 0.75.
    below = np.repeat([-4.0, -3.0, -2.0, -1.0], 10)
    above = np.repeat([0.1, 0.8, 1.6], 20)
    bins = log_odds_bins(np.concatenate([below, above]), prior=0.5)
    assert bins.tolist() == np.repeat(range(7), [10, 10, 10, 10, 20, 20, 20]).tolist()


def test_a_step_with_few_positions_joins_the_one_below_it():
    logits = np.concatenate([np.full(5, -1.0), np.full(30, 0.1), np.full(19, 0.8), np.full(1, 9.0)])
    assert log_odds_bins(logits, prior=0.5).tolist() == [0] * 5 + [1] * 30 + [2] * 20


@pytest.mark.parametrize("prior", [0.001, 0.3, 0.999])
def test_every_logit_is_in_one_bin_and_bins_rise_without_a_gap(prior):
    logits, _ = drawn_from_logits(n=3000)
    bins = log_odds_bins(logits, prior=prior)
    assert bins.shape == logits.shape
    assert set(bins) == set(range(bins.max() + 1))
    assert (np.diff(bins[np.argsort(logits)]) >= 0).all()


def test_bins_of_a_perfect_forecaster_lie_on_the_diagonal():
    logits, labels = drawn_from_logits(n=100_000)
    bins = log_odds_bins(logits, prior=0.2)
    count = np.bincount(bins)
    promised, observed = (np.bincount(bins, x) / count for x in (expit(logits), labels))
    error = np.sqrt(promised * (1 - promised) / count)
    assert (np.abs(observed - promised) < 4 * error).all()
    assert count.min() >= 20
    assert promised[-1] > 0.99


def test_a_logistic_regression_finds_a_known_line_and_an_offset():
    logits, labels = drawn_from_logits()
    features = np.column_stack([logits, np.ones(len(logits))])
    slope, intercept = slope_intercept(logits, labels)
    assert logistic_fit(features, labels, offset=0.0) == pytest.approx([slope, intercept], abs=1e-6)
    moved = logistic_fit(features, labels, offset=0.5)
    assert moved == pytest.approx([slope, intercept - 0.5], abs=1e-6)
    twice = logistic_fit(features, labels, np.full(len(labels), 2.0), offset=0.0)
    assert twice == pytest.approx([slope, intercept], abs=1e-6)


def test_a_logistic_regression_of_separate_classes_is_undefined():
    with pytest.raises(ValueError, match="classes that overlap"):
        logistic_fit(np.array([[-1.0], [1.0]]), np.array([0, 1]), offset=0.0)


def test_the_calibration_error_is_the_mean_gap_of_the_bins():
    assert ece([0.1, 0.2, 0.3, 0.4], [0, 0, 1, 1], bins=2) == pytest.approx((0.15 + 0.65) / 2)
    assert ece([0.5] * 4, [0, 1, 0, 1]) == 0.0


def test_a_sample_without_a_position_or_a_class_has_no_slope():
    logits, all_of = np.array([-1.0, 0.0, 1.0, 2.0]), np.array([1.0, 2.0, 2.0, 1.0])
    mixed = np.array([0.0, 1.0, 0.0, 1.0])
    positive = np.stack([mixed, mixed * 0, mixed * 0, all_of])
    total = np.stack([all_of, all_of, all_of * 0, all_of])
    slopes, _ = recalibrations(logits, positive, total)
    assert np.isfinite(slopes[0])
    assert np.isnan(slopes[1:]).all()
