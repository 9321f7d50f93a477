"""The bootstrap over patients: weights, intervals, and agreement with plain repetition."""

import numpy as np
import pytest
from scipy.special import expit

from pipeline.figures.bootstrap import (
    Scored,
    log_loss_samples,
    mean_samples,
    observed_over_expected_samples,
    patient_weights,
    slope_samples,
)
from pipeline.figures.figure import Undefined, percentile_interval
from pipeline.figures.reliability import (
    log_loss_from_logits,
    observed_over_expected,
    slope_intercept,
)


def test_every_sample_draws_as_many_patients_as_there_are():
    weights = patient_weights(7, samples=20, seed=4)
    assert weights.sum(axis=1).tolist() == [7] * 20
    np.testing.assert_array_equal(weights[:5], patient_weights(7, samples=5, seed=4))
    assert not np.array_equal(weights, patient_weights(7, samples=20, seed=5))


def test_the_log_loss_of_a_sample_is_that_of_the_repeated_patients():
    rng = np.random.default_rng(2)
    patient, scores = np.repeat(np.arange(12), 60), rng.normal(size=720)
    labels = (rng.random(720) < 0.1).astype(int)
    weights = patient_weights(12, samples=5, seed=0)
    expected = [log_loss_from_logits(scores, labels, row[patient]) for row in weights]
    samples = log_loss_samples(Scored(labels, scores, patient), weights)
    np.testing.assert_allclose(samples, expected)


def test_calibration_samples_agree_with_the_direct_fit():
    rng = np.random.default_rng(6)
    patient = np.repeat(np.arange(10), 1000)
    logits = rng.normal(-2, 1.5, size=10_000)
    labels = (rng.random(10_000) < expit(0.7 * logits)).astype(int)
    weights = patient_weights(10, samples=5, seed=0)
    ratio = observed_over_expected_samples(Scored(labels, logits, patient), weights)
    slope = slope_samples(Scored(labels, logits, patient), weights)
    for i, row in enumerate(weights):
        assert ratio[i] == pytest.approx(
            observed_over_expected(expit(logits), labels, row[patient]), abs=1e-9
        )
        assert slope[i] == pytest.approx(slope_intercept(logits, labels, row[patient])[0], rel=0.01)


def test_a_rare_class_in_the_upper_tail_does_not_bias_the_slope():
    # Of 100 positions less than one is positive, and most of those share the highest percent of
    # the logits: bins of equal mass would take them all for one logit.
    rng = np.random.default_rng(1)
    labels = (rng.random(60_000) < 0.007).astype(int)
    logits = np.where(labels, rng.normal(0, 4, 60_000), rng.normal(-6, 0.8, 60_000))
    logits[:3] = -200.0  # some places may be far off
    patient = np.arange(60_000) % 10
    slope = slope_samples(Scored(labels, logits, patient), np.ones((1, 10)))
    assert slope[0] == pytest.approx(slope_intercept(logits, labels)[0], rel=0.01)


def test_a_sample_of_one_class_has_no_slope():
    cases = Scored(np.array([0, 1, 0]), np.array([0.0, 1.0, 0.5]), np.array([0, 1, 1]))
    weights = np.array([[2.0, 0]])
    assert observed_over_expected_samples(cases, weights).tolist() == [0.0]
    assert np.isnan(slope_samples(cases, weights)).all()


def test_a_share_is_that_of_the_drawn_items():
    weights = np.array([[2.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    shares = mean_samples(np.array([True, False, True]), np.array([0, 0, 1]), weights)
    np.testing.assert_allclose(shares, [0.5, 2 / 3, np.nan])


def test_undefined_samples_are_left_out_until_they_are_most():
    assert percentile_interval(np.array([1.0, np.nan, 2.0, 3.0]), confidence=0.5) == (1.5, 2.5)
    with pytest.raises(Undefined, match="only 1 of 3"):
        percentile_interval(np.array([1.0, np.nan, np.nan]), confidence=0.95)


def test_cases_of_unequal_length_are_refused():
    with pytest.raises(ValueError, match="must have one length"):
        Scored(np.array([0, 1]), np.array([0.5, 0.1]), np.array([0]))
