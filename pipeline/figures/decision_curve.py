"""Net benefit: what acting on a probability is worth, at each threshold at which one would act.

A person who acts from probability t on holds one missed abnormality to be as bad as (1 - t) / t
needless actions. In units of true positives, per unit judged:

    net benefit = (TP - FP * t / (1 - t)) / n

to be compared with acting on all, and on none (0).

Source: Vickers and Elkin 2006, doi:10.1177/0272989X06295361; part of the set of figures that Van
    Calster et al. 2024, arXiv:2412.10288, call essential.
"""

import numpy as np
from scipy.special import expit

from pipeline.figures.bootstrap import Scored, mean_samples
from pipeline.figures.figure import checked

# Where the table of a paper and metrics.json give it.
THRESHOLDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)


def net_benefit(labels, probabilities, threshold: float) -> float:
    """Net benefit of acting where the probability is at least the threshold.

    Args:
        labels: 0 or 1, (n,).
        probabilities: (n,).
        threshold: above 0 and below 1.

    Raises:
        ValueError: the arrays do not fit, or the threshold is none.

    Example:
        >>> round(net_benefit([1, 1, 0, 0], [0.9, 0.2, 0.6, 0.1], 0.5), 3)
        0.0
    """
    labels, probabilities, _ = checked(labels, probabilities)
    return float(np.mean(_gain(labels, probabilities >= threshold, threshold)))


def net_benefit_of_all(labels, threshold: float) -> float:
    """Net benefit of acting on every unit."""
    labels = np.asarray(labels, dtype=bool)
    return float(np.mean(_gain(labels, np.ones(len(labels), dtype=bool), threshold)))


def net_benefit_samples(of: Scored, weights: np.ndarray, threshold: float) -> np.ndarray:
    """Net benefit in each bootstrap sample, (samples,); the scores are logits.

    Args:
        weights: how often each patient was drawn, (samples, patients).
    """
    acted = expit(of.scores) >= threshold
    return mean_samples(_gain(of.labels == 1, acted, threshold), of.patient, weights)


def _gain(labels: np.ndarray, acted: np.ndarray, threshold: float) -> np.ndarray:
    """What each unit adds, (n,)."""
    if not 0 < threshold < 1:
        raise ValueError(f"a threshold must lie between 0 and 1, not {threshold}")
    return acted * np.where(labels, 1.0, -threshold / (1 - threshold))
