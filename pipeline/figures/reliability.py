"""Whether probabilities mean what they say, judged from logits where that matters."""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from pipeline.figures.undefined import Undefined

ECE_BINS = 15


@dataclass(frozen=True)
class Reliability:
    """Equal-mass bins of probability, rising; all arrays (bins,)."""

    mean_probability: np.ndarray
    observed: np.ndarray  # share of positives
    count: np.ndarray


def log_loss_from_logits(logits, labels, weights=None) -> float:
    """Mean binary cross-entropy in nats, never clipped: a wrong logit of 24 costs 24.0."""
    logits, labels, weights = _checked(logits, labels, weights)
    return float(np.average(np.logaddexp(0.0, logits) - labels * logits, weights=weights))


def brier(probabilities, labels, weights=None) -> float:
    """Mean squared difference between probability and outcome."""
    probabilities, labels, weights = _checked(probabilities, labels, weights)
    return float(np.average((probabilities - labels) ** 2, weights=weights))


def observed_over_expected(probabilities, labels, weights=None) -> float:
    """Positives that are there over positives that the probabilities promise; ideal is 1.

    Raises:
        Undefined: all probabilities are 0.
    """
    probabilities, labels, weights = _checked(probabilities, labels, weights)
    expected = float(np.sum(weights * probabilities))
    if expected == 0:
        raise Undefined("observed / expected needs a probability above 0")
    return float(np.sum(weights * labels)) / expected


def reliability(probabilities, labels, *, bins: int = ECE_BINS) -> Reliability:
    """Bins of about equal size; equal probabilities share a bin, so there may be fewer."""
    probabilities, labels, _ = _checked(probabilities, labels, None)
    rising = np.sort(probabilities)
    starts = np.linspace(0, len(rising), bins, endpoint=False).astype(int)[1:]
    bin_of = np.searchsorted(np.unique(rising[starts]), probabilities, side="right")
    count = np.bincount(bin_of)
    used = count > 0
    count = count[used]
    return Reliability(
        mean_probability=np.bincount(bin_of, probabilities)[used] / count,
        observed=np.bincount(bin_of, labels)[used] / count,
        count=count,
    )


def ece(probabilities, labels, *, bins: int = ECE_BINS) -> float:
    """Expected calibration error: mean distance of the bins from the diagonal."""
    table = reliability(probabilities, labels, bins=bins)
    gap = np.abs(table.mean_probability - table.observed)
    return float(np.average(gap, weights=table.count))


def slope_intercept(logits, labels, weights=None) -> tuple[float, float]:
    """Logistic recalibration: logit P(y) = slope * logit + intercept; ideal is (1, 0).

    A slope below 1 means that the logits are too extreme.

    Raises:
        Undefined: a class is missing, or the logits separate the classes or are all equal.

    Source: Cox 1958, doi:10.1093/biomet/45.3-4.562.
    """
    logits, labels, weights = _checked(logits, labels, weights)
    _need_both(labels, weights, "the calibration slope")
    _need_overlap(logits, labels, weights)
    # On standardised logits Newton converges however far off they are.
    centre, spread = logits.mean(), logits.std()
    design = np.stack([(logits - centre) / spread, np.ones_like(logits)], axis=1)  # (n, 2)
    beta = np.array([0.0, logit(np.average(labels, weights=weights))])
    for _ in range(100):
        step = _newton_step(design, beta, labels, weights)
        beta = beta - step
        if np.abs(step).max() < 1e-10:
            break
    slope = beta[0] / spread
    return float(slope), float(beta[1] - slope * centre)


def _newton_step(design, beta, labels, weights) -> np.ndarray:
    """A Newton step, halved until the loss does not rise."""
    probability = expit(design @ beta)
    gradient = design.T @ (weights * (probability - labels))
    curvature = weights * probability * (1 - probability)
    hessian = design.T @ (design * curvature[:, None])
    step = np.linalg.lstsq(hessian, gradient, rcond=None)[0]
    loss = _recalibrated_loss(design, beta, labels, weights)
    for _ in range(30):
        if _recalibrated_loss(design, beta - step, labels, weights) <= loss:
            return step
        step = step / 2
    return np.zeros_like(beta)


def _recalibrated_loss(design, beta, labels, weights) -> float:
    z = design @ beta
    return float(np.sum(weights * (np.logaddexp(0.0, z) - labels * z)))


def _checked(values, labels, weights) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    values = np.asarray(values, dtype=np.float64)
    labels = np.asarray(labels, dtype=np.float64)
    weights = np.ones_like(values) if weights is None else np.asarray(weights, dtype=np.float64)
    if not (values.shape == labels.shape == weights.shape and values.ndim == 1 and values.size):
        raise ValueError(
            "values, labels and weights must be 1-D, of one length and not empty, not "
            f"{values.shape}, {labels.shape}, {weights.shape}"
        )
    if not np.isin(labels, (0, 1)).all():
        raise ValueError("labels must be 0 or 1; leave ignored positions out")
    if not np.isfinite(values).all():
        raise ValueError(f"values must be finite, {np.sum(~np.isfinite(values))} are not")
    return values, labels, weights


def _need_both(labels, weights, what: str) -> None:
    positive = float(np.sum(weights * labels))
    if positive == 0 or positive == float(np.sum(weights)):
        missing = "positive" if positive == 0 else "negative"
        raise Undefined(f"{what} needs both classes, there is no {missing}")


def _need_overlap(logits, labels, weights) -> None:
    used = weights > 0
    positive, negative = logits[used & (labels == 1)], logits[used & (labels == 0)]
    if positive.min() >= negative.max() or negative.min() >= positive.max():
        raise Undefined("logits that separate the classes, or are all equal, have no finite slope")
