"""From logits of balanced training to probabilities, and the threshold of regions."""

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
    if _lacks_overlap(labels, logits):
        return Calibration(TRAINING_PRIOR, prior, 1.0)
    shift = logit(prior) - logit(TRAINING_PRIOR)
    temperature = fit_temperature(logits.astype(np.float64), labels, shift=shift)
    return Calibration(TRAINING_PRIOR, prior, temperature)


def alarm_logit(false_alarms: list[np.ndarray], *, fp_per_image: float) -> float | None:
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


def _lacks_overlap(labels: np.ndarray, logits: np.ndarray) -> bool:
    positive, negative = logits[labels == POSITIVE], logits[labels == NEGATIVE]
    return not (len(positive) and len(negative)) or bool(positive.min() > negative.max())
