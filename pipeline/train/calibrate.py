"""From logits of balanced training to probabilities, and the threshold of regions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.metrics.calibration import Calibration, fit_temperature, logit
from pipeline.preprocess.labels import NEGATIVE, POSITIVE

TRAINING_PRIOR = 0.5  # half of the loss is on positive positions, see loss.py
FEW_LESIONS = 30


def natural_prior(positions: pd.DataFrame) -> float:
    """Share of positive positions of the training and validation patients, counted."""
    known = positions[positions["split"].isin(["train", "validation"])]
    positives = int((known["label"] == POSITIVE).sum())
    negatives = int((known["label"] == NEGATIVE).sum())
    return positives / (positives + negatives)


def fit_calibration(labels: np.ndarray, logits: np.ndarray, *, prior: float) -> Calibration:
    """Fit the temperature on validation positions.

    It stays 1 where these lack a class, and where the logits separate the classes: then the
    best temperature would be 0, which a few positions cannot prove.

    Args:
        labels, logits: (n,), all known positions of the validation patients.
        prior: the natural prior.
    """
    if lacks_overlap(labels, logits):
        return Calibration(TRAINING_PRIOR, prior, 1.0)
    shift = logit(prior) - logit(TRAINING_PRIOR)
    temperature = fit_temperature(logits.astype(np.float64), labels, shift=shift)
    return Calibration(TRAINING_PRIOR, prior, temperature)


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
