"""A figure with its interval, or the reason why there is none; and what it may be computed from."""

from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np


class Undefined(ValueError):
    """The data lack what a figure needs, a class for instance; not a mistake in the call."""


@dataclass(frozen=True)
class Figure:
    """What a table shows: value, interval, number of units; None where undefined, and why."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    reason: str = ""

    def as_dict(self) -> dict:
        """For JSON; `reason` only where something is undefined."""
        return {k: v for k, v in asdict(self).items() if k != "reason" or v}


def figure_of(
    value: Callable[[], float], samples: Callable[[], np.ndarray], *, n: int, confidence: float
) -> Figure:
    """Compute a figure and its interval, and keep the reason where one is undefined.

    Args:
        value: computes the figure; may raise Undefined.
        samples: computes it in each bootstrap sample, (samples,); only called when it is defined.
        n: number of units that the figure is about.
    """
    known = None
    try:
        known = value()
        low, high = percentile_interval(samples(), confidence=confidence)
    except Undefined as why:
        return Figure(known, n=n, reason=str(why))
    return Figure(known, low, high, n)


def percentile_interval(values: np.ndarray, *, confidence: float) -> tuple[float, float]:
    """Lower and upper end of the central interval.

    Args:
        values: the figure in each bootstrap sample, NaN where a sample does not define it (no
            woman with a lesion was drawn); those are left out.
        confidence: share of the samples inside, 0.95 for instance.

    Raises:
        Undefined: fewer than half of the samples define the figure.

    Source: Efron and Tibshirani 1993, chapter 13.
    """
    values = np.asarray(values, dtype=np.float64)
    finite = values[np.isfinite(values)]
    if len(finite) < len(values) / 2:
        raise Undefined(
            f"an interval needs patients of both kinds: only {len(finite)} of {len(values)} "
            "bootstrap samples define the figure"
        )
    tail = (1 - confidence) / 2
    low, high = np.quantile(finite, [tail, 1 - tail])
    return float(low), float(high)


def of_both_classes(labels, scores, weights, what: str):
    """As `checked`, and both classes must be there for `what`.

    Raises:
        Undefined: a class is missing.
    """
    labels, scores, weights = checked(labels, scores, weights)
    for name, there in (("positive", labels), ("negative", ~labels)):
        if weights[there].sum() == 0:
            raise Undefined(f"{what} needs both classes, there is no {name}")
    return labels, scores, weights


def checked(labels, scores, weights=None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels as bool, scores and weights as float64, (n,) each; the weights are 1 if absent.

    Raises:
        ValueError: the arrays do not fit, or a value is none that it may be.
    """
    labels = np.asarray(labels)
    scores = np.asarray(scores, dtype=np.float64)
    weights = np.ones(scores.shape) if weights is None else np.asarray(weights, dtype=np.float64)
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
