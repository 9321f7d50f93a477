"""How well scores rank the positives above the negatives: ROC AUC and average precision.

Weights are how often a sample counts, so a bootstrap over patients needs no copies.
"""

from dataclasses import dataclass

import numpy as np

from pipeline.figures.undefined import Undefined

# The part of the ROC curve that a reader would work in.
MAX_FALSE_RATE = 0.1


@dataclass(frozen=True)
class Counts:
    """Weight at or above each distinct score, from the highest score to the lowest.

    Attributes:
        scores: the distinct scores, falling, (k,).
        true: weight of the positives at or above each score, (k,).
        false: weight of the negatives at or above each score, (k,).
    """

    scores: np.ndarray
    true: np.ndarray
    false: np.ndarray


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
    counts = cumulate(labels, scores, weights)
    _need_both(counts, "ROC AUC")
    true = np.concatenate([[0.0], counts.true])
    false = np.concatenate([[0.0], counts.false])
    area = np.sum(np.diff(false) * (true[1:] + true[:-1]) / 2)
    return float(area / (true[-1] * false[-1]))


def average_precision(labels, scores, weights=None) -> float:
    """Mean precision over the positives, a step at each distinct score (not interpolated).

    Args, Raises: as in `roc_auc`; only the positives must be there.

    Example:
        >>> round(average_precision([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]), 4)
        0.8333
    """
    counts = cumulate(labels, scores, weights)
    if counts.true[-1] == 0:
        raise Undefined("average precision needs at least one positive, there is none")
    gained = np.diff(counts.true, prepend=0.0)
    met = gained > 0
    precision = counts.true[met] / (counts.true[met] + counts.false[met])
    return float(np.sum(gained[met] * precision) / counts.true[-1])


def roc_curve(labels, scores, weights=None) -> tuple[np.ndarray, np.ndarray]:
    """False and true positive rate at each distinct score, from (0, 0) to (1, 1).

    Args, Raises: as in `roc_auc`.
    """
    counts = cumulate(labels, scores, weights)
    _need_both(counts, "an ROC curve")
    rates = [np.concatenate([[0.0], c / c[-1]]) for c in (counts.false, counts.true)]
    return rates[0], rates[1]


def partial_auc(labels, scores, weights=None, *, max_false_rate: float = MAX_FALSE_RATE) -> float:
    """Standardised area under the ROC curve up to a false positive rate: 0.5 is chance, 1 ideal.

    Args, Raises: as in `roc_auc`.

    Source: McClish 1989, doi:10.1177/0272989X8900900307.

    Example:
        >>> partial_auc([0, 0, 1, 1], [0.1, 0.2, 0.3, 0.4], max_false_rate=0.5)
        1.0
    """
    counts = cumulate(labels, scores, weights)
    _need_both(counts, "partial ROC AUC")
    return float(standardised_area(counts.true, counts.false, max_false_rate=max_false_rate))


def standardised_area(true, false, *, max_false_rate: float) -> float:
    """McClish's area from the weights at or above each falling score, (k,) each."""
    true, false = (np.concatenate([[0.0], c / c[-1]]) for c in (true, false))
    within = false < max_false_rate
    x = np.append(false[within], max_false_rate)
    y = np.append(true[within], np.interp(max_false_rate, false, true))
    area = np.sum(np.diff(x) * (y[1:] + y[:-1]) / 2)
    least, most = max_false_rate**2 / 2, max_false_rate
    return 0.5 * (1 + (area - least) / (most - least))


def cumulate(labels, scores, weights=None) -> Counts:
    """Count positives and negatives at or above each distinct score.

    Raises:
        ValueError: the arrays are empty or do not fit, a label is neither 0 nor 1, a score is
            not finite, or a weight is negative.
    """
    labels, scores, weights = _checked(labels, scores, weights)
    order = np.argsort(-scores, kind="stable")
    falling = scores[order]
    last_of_tie = np.append(falling[1:] != falling[:-1], True)
    positive = np.where(labels[order], weights[order], 0.0)
    negative = np.where(labels[order], 0.0, weights[order])
    return Counts(
        scores=falling[last_of_tie],
        true=np.cumsum(positive)[last_of_tie],
        false=np.cumsum(negative)[last_of_tie],
    )


def _checked(labels, scores, weights) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    labels = np.asarray(labels)
    scores = np.asarray(scores, dtype=np.float64)
    weights = np.ones(len(scores)) if weights is None else np.asarray(weights, dtype=np.float64)
    if not (labels.shape == scores.shape == weights.shape and scores.ndim == 1 and scores.size):
        raise ValueError(
            "labels, scores and weights must be 1-D, of one length and not empty, not "
            f"{labels.shape}, {scores.shape}, {weights.shape}"
        )
    if not np.isin(labels, (0, 1)).all():
        raise ValueError("labels must be 0 or 1; leave ignored positions out")
    if not np.isfinite(scores).all():
        raise ValueError(f"scores must be finite, {np.sum(~np.isfinite(scores))} are not")
    if (weights < 0).any():
        raise ValueError("weights must not be negative")
    return labels.astype(bool), scores, weights


def _need_both(counts: Counts, what: str) -> None:
    if counts.true[-1] == 0 or counts.false[-1] == 0:
        missing = "positive" if counts.true[-1] == 0 else "negative"
        raise Undefined(f"{what} needs both classes, there is no {missing}")
