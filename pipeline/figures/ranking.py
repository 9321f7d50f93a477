"""How well scores rank the positives above the negatives, by scikit-learn behind our checks.

Weights are how often a sample counts, so a bootstrap over patients needs no copies.
"""

import numpy as np
from sklearn import metrics

from pipeline.figures.figure import Undefined, checked, of_both_classes

# The part of the ROC curve that a reader would work in.
MAX_FALSE_RATE = 0.1


def roc_auc(labels, scores, weights=None) -> float:
    """Probability that a positive scores above a negative; ties count one half.

    Args:
        labels: 0 or 1 (or bool), (n,).
        scores: any scale that rises with the probability, logits for instance, (n,).
        weights: how much each sample counts, (n,); all alike if absent.

    Raises:
        ValueError: the arrays do not fit, or a score is not finite.
        Undefined: a class is missing.

    Example:
        >>> roc_auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
        0.75
    """
    labels, scores, _ = of_both_classes(labels, scores, weights, "ROC AUC")
    # As `roc_auc_score`, which looks again at what was checked.
    false_rate, true_rate, _ = metrics.roc_curve(labels, scores, sample_weight=weights)
    return float(metrics.auc(false_rate, true_rate))


def partial_auc(labels, scores, weights=None, *, max_false_rate: float = MAX_FALSE_RATE) -> float:
    """Standardised area under the ROC curve up to a false positive rate: 0.5 is chance, 1 ideal.

    Args, Raises: as in `roc_auc`.

    Source: McClish 1989, doi:10.1177/0272989X8900900307.

    Example:
        >>> partial_auc([0, 0, 1, 1], [0.1, 0.2, 0.3, 0.4], max_false_rate=0.5)
        1.0
    """
    labels, scores, _ = of_both_classes(labels, scores, weights, "partial ROC AUC")
    return float(
        metrics.roc_auc_score(labels, scores, sample_weight=weights, max_fpr=max_false_rate)
    )


def average_precision(labels, scores, weights=None) -> float:
    """Mean precision over the positives, a step at each distinct score (not interpolated).

    Args, Raises: as in `roc_auc`; only the positives must be there.

    Example:
        >>> round(average_precision([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]), 4)
        0.8333
    """
    labels, scores, counted = checked(labels, scores, weights)
    if counted[labels].sum() == 0:
        raise Undefined("average precision needs at least one positive, there is none")
    return float(metrics.average_precision_score(labels, scores, sample_weight=weights))


def roc_curve(labels, scores) -> tuple[np.ndarray, np.ndarray]:
    """False and true positive rate at each distinct score, from (0, 0) to (1, 1).

    Args, Raises: as in `roc_auc`.
    """
    labels, scores, _ = of_both_classes(labels, scores, None, "an ROC curve")
    false_rate, true_rate, _ = metrics.roc_curve(labels, scores, drop_intermediate=False)
    return false_rate, true_rate


def precision_recall_curve(labels, scores) -> tuple[np.ndarray, np.ndarray]:
    """Recall, rising from 0 to 1, and the precision there, a step at each distinct score.

    Args, Raises: as in `average_precision`.
    """
    labels, scores, _ = checked(labels, scores)
    if not labels.any():
        raise Undefined("precision and recall need at least one positive, there is none")
    precision, recall, _ = metrics.precision_recall_curve(labels, scores)
    return recall[::-1], precision[::-1]
