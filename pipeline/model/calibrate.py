"""From logits of balanced training to probabilities, and the threshold of regions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from pipeline.annotations.labels import NEGATIVE, POSITIVE
from pipeline.figures.calibration import (
    TEMPERATURE_LIMITS,
    Calibration,
    fit_temperature,
    logit,
    sigmoid,
    slope_intercept,
)

TRAINING_PRIOR = 0.5  # half of the loss is on positive positions, see loss.py
FEW_LESIONS = 30
# A fitted share of positives nearer to 0 or 1 is a sign of a broken model.
_UNSURE = 1e-4


def natural_prior(positions: pd.DataFrame) -> float:
    """Share of positive positions of the training and validation patients, counted."""
    known = positions[positions["split"].isin(["train", "validation"])]
    positives = int((known["label"] == POSITIVE).sum())
    negatives = int((known["label"] == NEGATIVE).sum())
    return positives / (positives + negatives)


def fit_calibration(
    start: Calibration, labels: np.ndarray, logits: np.ndarray, *, lesions: int
) -> Calibration:
    """Fit the temperature, and with enough lesions the training prior, for the least log loss.

    Training sees as many positive as negative positions, but other negatives than life has: more
    of them lie near lesions. So the share of positives that its logits assume is not quite one
    half, and it is fitted together with the temperature. Then as many positives are promised as
    there are. On few lesions it would follow their number, which is chance.

    What cannot be fitted stays as it was: both where a class is missing, and where the logits
    separate the classes, for then the best temperature would be 0, which a few positions cannot
    prove.

    Args:
        start: natural prior, training prior and temperature so far.
        labels: 0 or 1, (n,), at natural frequency.
        logits: as the network gives them, (n,).
        lesions: findings behind the positive labels.

    Source: Platt 1999, Probabilistic outputs for support vector machines (both parameters).
    """
    if lacks_overlap(labels, logits):
        return start
    both = _slope_and_training_prior(start, labels, logits) if lesions >= FEW_LESIONS else None
    if both is not None:
        return both
    temperature = fit_temperature(logits.astype(np.float64), labels, shift=start.shift)
    return replace(start, temperature=temperature)


def _slope_and_training_prior(
    start: Calibration, labels: np.ndarray, logits: np.ndarray
) -> Calibration | None:
    """Temperature and training prior; None where the network hardly ranks."""
    slope, intercept = slope_intercept(logits, labels)
    low, high = TEMPERATURE_LIMITS
    if not 1 / high < slope < 1 / low:
        return None
    training_prior = float(sigmoid(logit(start.natural_prior) - intercept))
    if not _UNSURE < training_prior < 1 - _UNSURE:
        return None
    return replace(start, temperature=1 / slope, training_prior=training_prior)


@dataclass(frozen=True)
class Threshold:
    """The probability from which on a region is drawn, and how it was found, in words."""

    probability: float
    source: str
    is_guess: bool = False  # there were too few candidates


def region_threshold(
    false_alarms: Sequence[np.ndarray], calibration: Calibration, *, fp_per_image: float, whose: str
) -> Threshold:
    """The threshold that lets through so many false alarms per image, not below the prior.

    Args:
        false_alarms: for each image the network's logits of its candidates outside lesions.
        whose: names the images, such as "validation".
    """
    at = alarm_logit(false_alarms, fp_per_image=fp_per_image)
    is_guess = at is None
    source = f"{fp_per_image:g} false alarms per image on {len(false_alarms)} {whose} mammograms"
    if is_guess:
        at = 0.0
        source = f"even odds at the prior of the training: too few {whose} candidates"
    probability = float(calibration.probability(at))
    if probability < calibration.natural_prior:
        # Below the prior a region would be a place that is more normal than most.
        probability = calibration.natural_prior
        source = f"the natural prior; {source} would be lower"
    return Threshold(probability, source, is_guess)


def alarm_logit(false_alarms: Sequence[np.ndarray], *, fp_per_image: float) -> float | None:
    """The logit above which images have at most `fp_per_image` false alarms on average.

    Args:
        false_alarms: for each image the logits of its candidates outside lesions.

    Returns:
        A value between two neighbouring candidates; None where there are too few candidates
        to tell.
    """
    falling = np.sort(np.concatenate([np.zeros(0), *false_alarms]))[::-1]
    allowed = int(fp_per_image * len(false_alarms))
    if allowed >= len(falling):
        return None
    higher = falling[allowed - 1] if allowed else falling[0] + 1.0
    return float((higher + falling[allowed]) / 2)


def lacks_overlap(labels: np.ndarray, logits: np.ndarray) -> bool:
    """Whether a class is missing, or the logits separate the classes."""
    positive, negative = logits[labels == POSITIVE], logits[labels == NEGATIVE]
    return not (len(positive) and len(negative)) or bool(positive.min() > negative.max())
