"""Calibration on numbers with known answers."""

import numpy as np
import pytest
from scipy.special import expit

from pipeline.figures.reliability import (
    brier,
    ece,
    log_loss_from_logits,
    observed_over_expected,
    reliability,
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
    table = reliability([0.1, 0.2, 0.3, 0.4], [0, 0, 1, 1], bins=2)
    assert table.count.tolist() == [2, 2]
    np.testing.assert_allclose(table.mean_probability, [0.15, 0.35])
    assert table.observed.tolist() == [0.0, 1.0]
    assert reliability([0.2] * 10, [0, 1] * 5).count.tolist() == [10]


def test_the_calibration_error_is_the_mean_gap_of_the_bins():
    assert ece([0.1, 0.2, 0.3, 0.4], [0, 0, 1, 1], bins=2) == pytest.approx((0.15 + 0.65) / 2)
    assert ece([0.5] * 4, [0, 1, 0, 1]) == 0.0
