"""What is fitted on the maps of women whom no network behind these maps was trained on.

A training fits it on the women that its network, or each network of its ensemble, left out; a
cross-validation on the test women of all folds. All of them are taken together, as if one network
had made their maps.

That a woman's map comes from one network, and those of a later woman from the mean of several, is
left as it is. The mean errs less than each, so its probabilities are, if anything, too cautious:
with a fit on single networks the mean of two had slope 1.08 and observed / expected 1.10 (16 women
of mini-MIAS whom neither was trained on, too few to take it off).
What scale and level each network has for itself is not fitted: a part holds a dozen lesions, and
two numbers from all of them served the women of another network as well (docs/architecture.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.figures.bootstrap import Scored, observed_over_expected_samples, patient_weights
from pipeline.figures.figure import Undefined, figure_of
from pipeline.figures.reliability import observed_over_expected
from pipeline.model.calibration import FEW_LESIONS, TRAINING_PRIOR, Calibration
from pipeline.model.card_parts import SupportCard
from pipeline.model.fit_calibration import fit_calibration
from pipeline.model.threshold import Threshold, region_threshold

SAMPLES, CONFIDENCE, SEED = 1000, 0.95, 0


@dataclass(frozen=True, eq=False, kw_only=True)
class Evidence:
    """Labelled positions and false alarms of these maps."""

    labels: np.ndarray  # 0 or 1, (n,), at natural frequency
    logits: np.ndarray  # before the calibration, (n,)
    patients: np.ndarray  # index of the patient of each, (n,) int64
    # behind each positive position, (n,), one id for each finding of all images
    findings: np.ndarray
    # for each fully outlined image the logits of its candidates outside lesions
    false_alarms: Sequence[np.ndarray]
    # women, mammograms, lesions: how many there are
    women: int
    mammograms: int
    lesions: int


@dataclass(frozen=True)
class Fitted:
    """What a model gets from the evidence."""

    calibration: Calibration
    threshold: Threshold
    support: SupportCard


def fit_to(evidence: Evidence, *, prior: float, fp_per_image: float, whose: str) -> Fitted:
    """Fit the calibration and the region threshold, and say how much they rest on.

    Args:
        prior: share of abnormal positions, counted.
        whose: names the images, such as "validation".
    """
    calibration = fit_calibration(
        Calibration(TRAINING_PRIOR, prior, 1.0),
        evidence.labels,
        evidence.logits,
        lesions=evidence.lesions,
        patients=evidence.patients,
        findings=evidence.findings,
    )
    threshold = region_threshold(
        evidence.false_alarms, calibration, fp_per_image=fp_per_image, whose=whose
    )
    return Fitted(calibration, threshold, support_of(evidence, calibration))


def support_of(evidence: Evidence, calibration: Calibration) -> SupportCard:
    """How much a calibration rests on, and how far other women would move it.

    Observed / expected of the very positions that it was fitted on, with an interval from drawing
    their women again and again.
    """
    logits = calibration.shown_logit(evidence.logits).astype(np.float64)
    scored = Scored(evidence.labels, logits, evidence.patients)

    def of_all() -> float:
        if not evidence.labels.size:  # without validation patients
            raise Undefined("no position was left out of the training")
        return observed_over_expected(calibration.probability(evidence.logits), evidence.labels)

    figure = figure_of(
        of_all,
        lambda: observed_over_expected_samples(
            scored, patient_weights(evidence.women, samples=SAMPLES, seed=SEED)
        ),
        n=evidence.lesions,
        confidence=CONFIDENCE,
    )
    return SupportCard(
        patients=evidence.women,
        mammograms=evidence.mammograms,
        lesions=evidence.lesions,
        observed_over_expected=figure.value,
        low=figure.low,
        high=figure.high,
    )


def support_text(support: SupportCard) -> str:
    """On how much a probability rests; with few lesions also how far it may be off."""
    lesions, women = support.lesions, support.patients
    text = (
        f"The probabilities rest on {lesions} finding{'s' if lesions != 1 else ''} of {women} "
        f"{'women' if women != 1 else 'woman'}"
    )
    if lesions >= FEW_LESIONS:
        return f"{text}."
    text += f", fewer than {FEW_LESIONS} findings: they are rough"
    if support.low is None or support.high is None:
        return f"{text}, and nobody can say how rough."
    return (
        f"{text}. With as many other women there would be {support.low:.2f} to {support.high:.2f} "
        "times the abnormal positions that they promise."
    )
