"""Probabilities from logits, and how the calibration is fitted."""

import numpy as np
import pytest
from scipy.special import expit, logit

from pipeline.model.calibration import FEW_LESIONS, Calibration
from pipeline.model.fit_calibration import alike_weights, fit_calibration, refit


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
    few = fit_calibration(at_even_odds(0.1), labels, logits, lesions=FEW_LESIONS - 1)
    assert fitted.temperature == few.temperature
    assert fitted.training_prior == 0.5


@pytest.mark.parametrize(("labels", "logits"), [([0, 0], [1, 2]), ([0, 1], [1, 2]), ([], [])])
def test_without_overlap_the_temperature_stays_1(labels, logits):
    calibration = fit_calibration(
        at_even_odds(0.1), np.array(labels), np.array(logits, float), lesions=FEW_LESIONS
    )
    assert calibration.temperature == 1.0
    # Even odds in training are the natural prior in life.
    assert calibration.probability(np.float32(0)) == pytest.approx(0.1)


BENT = Calibration(0.5, 0.01, temperature=0.8, bend=3.0)


def test_a_bend_counts_evidence_against_more_and_evidence_for_less():
    far = np.array([-40.0, -20.0, 20.0, 40.0])
    rise = np.diff(BENT.logit(far))
    assert rise[0] == pytest.approx(20 * 3 / 0.8, rel=1e-6)
    assert rise[2] == pytest.approx(20 / 3 / 0.8, rel=1e-6)
    assert BENT.logit(np.zeros(1)) == pytest.approx(logit(0.01))  # even odds stay the prior
    straight = Calibration(0.5, 0.01, temperature=0.8)
    near_one = Calibration(0.5, 0.01, temperature=0.8, bend=1 + 1e-12)
    np.testing.assert_allclose(near_one.logit(far), straight.logit(far), rtol=1e-9)


@pytest.mark.parametrize("bend", [0.2, 3.0, 15.0])
def test_a_bent_calibration_rises_and_leads_back(bend):
    calibration = Calibration(0.5, 0.01, temperature=0.8, bend=bend)
    logits = np.linspace(-30, 30, 601)
    there = calibration.logit(logits)
    assert (np.diff(there) > 0).all()
    np.testing.assert_allclose(calibration.trained_logit(there), logits, atol=1e-5)
    ends = calibration.trained_logit(np.array([-np.inf, np.inf]))
    assert ends.tolist() == [-np.inf, np.inf]
    rise = (calibration.logit(logits + 1e-4) - calibration.logit(logits - 1e-4)) / 2e-4
    np.testing.assert_allclose(calibration.slope(logits), rise, rtol=1e-5)


def test_a_bent_probability_stays_float32_and_nan_stays_nan():
    out = BENT.probability(np.array([-1000, np.nan, 1000], np.float32))
    assert out.dtype == np.float32
    assert BENT.logit(np.zeros(2, np.float32)).dtype == np.float32
    assert out[0] == 0.0 and np.isnan(out[1]) and out[2] == 1.0


def test_no_probability_is_above_what_so_many_lesions_can_show():
    calibration = Calibration(0.5, 0.01, 1.0, lesions=26, fitted_prior=0.01)
    assert calibration.highest == pytest.approx(27 / 28)
    out = calibration.probability(np.linspace(-10, 40, 501))
    assert out.max() == np.float32(calibration.highest)
    np.testing.assert_array_equal(calibration.probability(np.array([20.0, 30.0])), out[-2:])
    # The order of the logits is not touched.
    assert (np.diff(calibration.logit(np.linspace(-10, 40, 501))) > 0).all()
    assert Calibration(0.5, 0.01, 1.0, lesions=0).highest == 0.5
    assert Calibration(0.5, 0.01, 1.0).highest == 1.0


def test_at_a_lower_prior_the_same_evidence_is_capped_and_at_a_higher_one_no_more():
    calibration = Calibration(0.5, 0.01, 1.0, lesions=26, fitted_prior=0.01)
    lower = calibration.with_prior(0.001)
    assert logit(lower.highest) == pytest.approx(np.log(27) + logit(0.001) - logit(0.01), abs=1e-5)
    at_cap = calibration.trained_logit(np.log(27))
    assert lower.shown_logit(at_cap) == pytest.approx(lower.highest_logit, abs=1e-6)
    assert lower.logit(at_cap - 0.1) < lower.highest_logit
    assert calibration.with_prior(0.2).highest == calibration.highest
    assert lower.with_prior(0.01) == calibration


def women_and_lesions(bend: float, *, seed: int = 0):
    """40 women with 3,000 positions each, whose labels follow logits that are bent."""
    rng = np.random.default_rng(seed)
    patients = np.repeat(np.arange(40), 3000)
    logits = rng.normal(-2.5, 2.5, patients.size)
    true = Calibration(0.5, 0.3, temperature=1.0, bend=bend)
    labels = (rng.random(patients.size) < true.probability(logits)).astype(int)
    findings = np.where(labels == 1, patients * 10 + rng.integers(0, 10, patients.size), -1)
    return labels, logits, {"patients": patients, "findings": findings}


def test_a_bend_is_kept_where_evidence_for_a_lesion_is_overrated():
    labels, logits, of = women_and_lesions(2.0)
    fitted = refit(at_even_odds(0.1), labels, logits, lesions=300, **of)
    straight = refit(at_even_odds(0.1), labels, logits, lesions=300)
    assert fitted.bend == pytest.approx(2.0, rel=0.1)
    assert fitted.temperature == pytest.approx(1.0, rel=0.1)
    assert straight.bend == 1.0
    top = logits > 4
    promised = [c.probability(logits[top]).mean() for c in (fitted, straight)]
    assert promised[0] == pytest.approx(labels[top].mean(), abs=0.03)
    assert promised[1] > labels[top].mean() + 0.05


def test_without_a_bend_in_the_data_none_is_kept():
    labels, logits, of = women_and_lesions(1.0, seed=3)
    assert refit(at_even_odds(0.1), labels, logits, lesions=300, **of).bend == 1.0


def test_a_bend_that_one_woman_alone_asks_for_is_not_kept():
    labels, logits, of = women_and_lesions(1.0, seed=3)
    confusers = (of["patients"] == 7) & (logits > 2)
    labels = np.where(confusers, 0, labels)
    assert refit(at_even_odds(0.1), labels, logits, lesions=300, **of).bend == 1.0


def test_one_large_lesion_weighs_as_much_as_a_small_one():
    labels, findings = np.array([1, 1, 1, 0, 1, 0]), np.array(["a", "a", "a", "", "b", ""])
    weights = alike_weights(labels, findings)
    assert weights.tolist() == pytest.approx([2 / 3, 2 / 3, 2 / 3, 1, 2, 1])
    assert weights[labels == 1].sum() == labels.sum()
    # Four lesions of one position are ranked well; a huge fifth one is missed.
    rng = np.random.default_rng(0)
    there = np.concatenate([np.full(30, 3.0), np.full(300, -3.0), rng.normal(-2, 1, 5000)])
    truth = np.repeat([1, 0], [330, 5000])
    of = np.concatenate([np.arange(30), np.full(300, 99), np.full(5000, -1)])
    alike = fit_calibration(at_even_odds(0.06), truth, there, lesions=31, findings=of)
    by_size = fit_calibration(at_even_odds(0.06), truth, there, lesions=31)
    assert alike.temperature < by_size.temperature
