"""The probability from which on an area of a map is a region."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from pipeline.figures.froc import collect, first_excluded
from pipeline.model.calibration import Calibration


@dataclass(frozen=True)
class Threshold:
    """The probability, not capped, from which on a region is drawn; how it was found, in words."""

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
    alarms = "false alarm" if fp_per_image == 1 else "false alarms"
    source = f"{fp_per_image:g} {alarms} per mammogram, on {len(false_alarms)} {whose} mammograms"
    if at is None:
        at = 0.0
        source = f"even odds at the prior of the training: too few {whose} candidates"
    probability = float(expit(calibration.logit(np.array(at))))
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
        A value halfway between the best candidate that is one too many and the next better one;
        None where there are too few candidates to tell.

    Example:
        >>> alarm_logit([np.array([4.0, 2.0]), np.array([1.0])], fp_per_image=0.5)
        3.0
    """
    if not len(false_alarms):
        return None
    matches = collect([(np.zeros(0), alarms) for alarms in false_alarms])
    excluded = first_excluded(matches, fp_per_image)
    if excluded == -np.inf:
        return None
    better = matches.false_scores[matches.false_scores > excluded]
    higher = better.min() if len(better) else excluded + 1.0
    return float((excluded + higher) / 2)
