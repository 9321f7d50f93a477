"""Probabilities from logits, and how the calibration is fitted."""

import numpy as np
import pytest
from scipy.special import expit, logit

from pipeline.model.calibration import FEW_LESIONS, Calibration, fit_calibration


def at_even_odds(prior):
    """What training starts from: even odds in training, no temperature."""
    return Calibration(0.5, prior, 1.0)


def test_the_temperature_divides_then_the_prior_moves():
    out = Calibration(0.5, 0.01, 2.0).logit(np.array([3.0, np.nan], np.float32))
    assert out.dtype == np.float32
    assert out[0] == pytest.approx(3 / 2 + np.log(0.01 / 0.99))
    assert np.isnan(out[1])


def test_probabilities_neither_overflow_nor_leave_float32():
    out = Calibration(0.5, 0.5, 1.0).probability(np.array([-1000, 0, 1000]))
    assert out.dtype == np.float32
    assert out.tolist() == [0.0, 0.5, 1.0]


def test_a_calibrated_logit_leads_back_to_the_one_of_the_network():
    calibration = Calibration(training_prior=0.5, natural_prior=0.01, temperature=2.0)
    there = calibration.logit(np.array([-3.0, 0.0, 5.0]))
    np.testing.assert_allclose(calibration.trained_logit(there), [-3.0, 0.0, 5.0], atol=1e-6)


@pytest.mark.parametrize(
    "wrong",
    [(0.5, 0, 1.0), (1.0, 0.1, 1.0), (0.5, 0.1, 0.0), (0.5, 0.1, np.inf), (np.nan, 0.1, 1.0)],
)
def test_a_prior_of_zero_and_a_temperature_of_zero_are_refused(wrong):
    with pytest.raises(ValueError, match=r"should be (greater|less) than|finite number"):
        Calibration(*wrong)


def test_an_overconfident_network_is_cooled_and_moved_to_the_prior():
    # Positives are 2 % in life. Trained at even odds, an honest logit is the natural one
    # minus logit(0.02); this network says three times too much.
    rng = np.random.default_rng(0)
    natural = rng.normal(-5, 2, 200_000)
    labels = (rng.random(natural.size) < 1 / (1 + np.exp(-natural))).astype(np.int8)
    prior = labels.mean()
    shift = np.log(prior / (1 - prior))
    logits = 3 * (natural - shift)
    calibration = fit_calibration(at_even_odds(prior), labels, logits, lesions=29)
    assert calibration.training_prior == 0.5
    assert calibration.temperature == pytest.approx(3, rel=0.03)
    probability = calibration.probability(logits.astype(np.float32))
    assert probability.dtype == np.float32
    assert probability.mean() == pytest.approx(prior, rel=0.05)


def test_with_thirty_lesions_as_many_positives_are_promised_as_there_are():
    rng = np.random.default_rng(0)
    natural = rng.normal(-3, 2, 100_000)
    labels = (rng.random(natural.size) < expit(natural)).astype(int)
    prior = labels.mean()
    logits = 3 * (natural - logit(prior)) + 2  # even odds of one half are at 2
    fitted = fit_calibration(at_even_odds(prior), labels, logits, lesions=30)
    assert fitted.natural_prior == prior
    assert fitted.temperature == pytest.approx(3, rel=0.03)
    assert logit(fitted.training_prior) == pytest.approx(2 / 3, abs=0.05)
    assert fitted.probability(logits).sum() == pytest.approx(labels.sum(), rel=1e-4)
    rough = fit_calibration(at_even_odds(prior), labels, logits, lesions=29)
    assert rough.training_prior == 0.5
    assert rough.probability(logits).sum() > 1.2 * labels.sum()


def test_a_network_that_ranks_the_wrong_way_keeps_its_training_prior():
    rng = np.random.default_rng(0)
    labels = (rng.random(1000) < 0.1).astype(int)
    logits = rng.normal(size=1000) - labels
    fitted = fit_calibration(at_even_odds(0.1), labels, logits, lesions=30)
    assert fitted.training_prior == 0.5
    assert fitted.temperature > 19


@pytest.mark.parametrize("logits", [np.full(1000, 2.0), np.tile([-1.0, 1.0], 500)])
def test_a_network_that_ranks_nothing_or_all_the_wrong_way_keeps_its_training_prior(logits):
    labels = np.tile([1, 0], 500)
    fitted = fit_calibration(at_even_odds(0.1), labels, logits, lesions=FEW_LESIONS)
    assert fitted == fit_calibration(at_even_odds(0.1), labels, logits, lesions=FEW_LESIONS - 1)
    assert fitted.training_prior == 0.5


@pytest.mark.parametrize(("labels", "logits"), [([0, 0], [1, 2]), ([0, 1], [1, 2]), ([], [])])
def test_without_overlap_the_temperature_stays_1(labels, logits):
    calibration = fit_calibration(
        at_even_odds(0.1), np.array(labels), np.array(logits, float), lesions=FEW_LESIONS
    )
    assert calibration.temperature == 1.0
    # Even odds in training are the natural prior in life.
    assert calibration.probability(np.float32(0)) == pytest.approx(0.1)
