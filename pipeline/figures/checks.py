"""What labels, scores and weights must be like before a figure is computed from them."""

import numpy as np

from pipeline.figures.figure import Undefined


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
