"""What is fitted on out-of-fold maps, and on how much it rests."""

import numpy as np
import pytest

from pipeline.model.calibration import TRAINING_PRIOR, Calibration
from pipeline.model.card_parts import SupportCard
from pipeline.model.fit import Evidence, fit_to, support_of, support_text
from pipeline.model.fit_calibration import fit_calibration
from tests.model.cards import SUPPORT


def evidence(*, women=40, per_woman=200, lesions=40, unknown=0.0) -> Evidence:
    """Logits of a network that is right but for its temperature of 2.

    Args:
        unknown: standard deviation over women of what raises their odds and it does not see.
    """
    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(women), per_woman)
    true = rng.normal(-4, 1.5, women)[patients] + rng.normal(0, 1, len(patients))
    odds = np.exp(true + rng.normal(0, unknown, women)[patients])
    labels = (rng.random(len(patients)) < odds / (1 + odds)).astype(np.int8)
    return Evidence(
        labels=labels,
        logits=2 * (true + 3).astype(np.float32),
        patients=patients,
        findings=np.arange(len(patients)),  # each position a finding of its own
        false_alarms=[np.array([3.0, 1.0]), np.array([2.0])],
        women=women,
        mammograms=2 * women,
        lesions=lesions,
    )


def test_the_fit_is_that_of_the_calibration_and_the_threshold_on_all_positions():
    given = evidence()
    prior = float(given.labels.mean())
    fitted = fit_to(given, prior=prior, fp_per_image=1.0, whose="out-of-fold")
    start = Calibration(TRAINING_PRIOR, prior, 1.0)
    of = {"patients": given.patients, "findings": given.findings}
    expected = fit_calibration(start, given.labels, given.logits, lesions=40, **of)
    assert fitted.calibration == expected
    assert fitted.calibration.temperature == pytest.approx(2, rel=0.1)
    assert fitted.threshold.source.startswith("1 false alarm per mammogram, on 2 out-of-fold")
    assert fitted.support == support_of(given, fitted.calibration)


def test_the_support_has_an_interval_over_women_and_is_the_same_each_time():
    given = evidence(unknown=1.5)
    fitted = fit_to(given, prior=float(given.labels.mean()), fp_per_image=1.0, whose="x")
    support = fitted.support
    assert (support.patients, support.mammograms, support.lesions) == (40, 80, 40)
    assert support.observed_over_expected == pytest.approx(1, abs=0.01)
    assert 0.3 < support.low < 0.8
    assert 1.2 < support.high < 2
    assert support_of(given, fitted.calibration) == support
    # Drawing positions instead of women would make it look surer.
    alone = Evidence(
        **{**vars(given), "patients": np.arange(len(given.labels)), "women": len(given.labels)}
    )
    surer = support_of(alone, fitted.calibration)
    assert surer.high - surer.low < 0.5 * (support.high - support.low)


def test_without_positives_there_is_no_interval():
    given = evidence()
    none = Evidence(**{**vars(given), "labels": np.zeros_like(given.labels), "lesions": 0})
    support = support_of(none, Calibration(0.5, 0.01, 1.0))
    assert support.observed_over_expected == 0
    assert "0 findings of 40 women" in support_text(support)


def test_few_findings_are_said_with_how_far_the_numbers_may_be_off():
    few = SupportCard(**SUPPORT)
    assert support_text(few) == (
        "The probabilities rest on 7 findings of 11 women, fewer than 30 findings: they are "
        "rough. With as many other women there would be 0.40 to 2.25 times the abnormal "
        "positions that they promise."
    )
    enough = few.model_copy(update={"lesions": 30})
    assert support_text(enough) == "The probabilities rest on 30 findings of 11 women."
    unknown = few.model_copy(update={"lesions": 1, "patients": 1, "low": None})
    assert support_text(unknown).startswith("The probabilities rest on 1 finding of 1 woman, fewer")
    assert support_text(unknown).endswith("nobody can say how rough.")


def test_with_nobody_left_out_the_support_is_none_and_no_error():
    support = support_of(evidence(women=0, lesions=0), Calibration(TRAINING_PRIOR, 0.1, 1.0))
    assert (support.patients, support.observed_over_expected, support.low) == (0, None, None)
