"""Whether probabilities mean what they say, judged from logits where that matters."""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from pipeline.figures.checks import checked, of_both_classes
from pipeline.figures.figure import Undefined

ECE_BINS = 15


@dataclass(frozen=True)
class Reliability:
    """Equal-mass bins of probability, rising; all arrays (bins,)."""

    mean_probability: np.ndarray
    observed: np.ndarray  # share of positives
    count: np.ndarray


def log_loss_from_logits(logits, labels, weights=None) -> float:
    """Mean binary cross-entropy in nats, never clipped: a wrong logit of 24 costs 24.0."""
    labels, logits, weights = checked(labels, logits, weights)
    return float(np.average(np.logaddexp(0.0, logits) - labels * logits, weights=weights))


def brier(probabilities, labels) -> float:
    """Mean squared difference between probability and outcome."""
    labels, probabilities, _ = checked(labels, probabilities)
    return float(np.mean((probabilities - labels) ** 2))


def observed_over_expected(probabilities, labels, weights=None) -> float:
    """Positives that are there over positives that the probabilities promise; ideal is 1.

    Raises:
        Undefined: all probabilities are 0.
    """
    labels, probabilities, weights = checked(labels, probabilities, weights)
    expected = float(np.sum(weights * probabilities))
    if expected == 0:
        raise Undefined("observed / expected needs a probability above 0")
    return float(np.sum(weights * labels)) / expected


def reliability(probabilities, labels, *, bins: int = ECE_BINS) -> Reliability:
    """Bins of about equal size; equal probabilities share a bin, so there may be fewer."""
    labels, probabilities, _ = checked(labels, probabilities)
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
    labels, logits, weights = of_both_classes(labels, logits, weights, "the calibration slope")
    positive, negative = logits[labels & (weights > 0)], logits[~labels & (weights > 0)]
    if positive.min() >= negative.max() or negative.min() >= positive.max():
        raise Undefined("logits that separate the classes, or are all equal, have no finite slope")
    slope, intercept = recalibrations(logits, (weights * labels)[None], weights[None])
    return float(slope[0]), float(intercept[0])


def recalibrations(
    logits: np.ndarray, positive: np.ndarray, total: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Slopes and intercepts of many logistic recalibrations on the same logits, (samples,) each.

    Newton steps on standardised logits, which converge however far off the logits are, each
    halved until the loss does not rise. NaN where a class is missing.

    Args:
        logits: (n,).
        positive, total: weight of the positives and of all at each logit, (samples, n).
    """
    centre, spread = logits.mean(), logits.std() or 1.0
    z = (logits - centre) / spread
    share = positive.sum(axis=1) / total.sum(axis=1)
    share = np.where((share > 0) & (share < 1), share, np.nan)
    beta = np.stack([np.zeros_like(share), logit(share)], axis=1)  # (samples, 2)
    for _ in range(100):
        step = _newton_steps(z, beta, positive, total)
        highest = _losses(z, beta, positive, total) * (1 + 1e-13)  # rounding is no rise
        for _ in range(30):
            rises = _losses(z, beta - step, positive, total) > highest
            if not rises.any():
                break
            step[rises] /= 2
        beta = beta - step
        if np.nanmax(np.abs(step), initial=0.0) < 1e-10:
            break
    slope = beta[:, 0] / spread
    return slope, beta[:, 1] - slope * centre


def _newton_steps(z, beta, positive, total) -> np.ndarray:
    probability = expit(beta[:, :1] * z + beta[:, 1:])  # (samples, n)
    residual = total * probability - positive
    curvature = total * probability * (1 - probability)
    g0, g1 = residual @ z, residual.sum(axis=1)
    h00, h01, h11 = curvature @ (z * z), curvature @ z, curvature.sum(axis=1)
    determinant = h00 * h11 - h01 * h01
    safe = np.where(determinant > 1e-12, determinant, np.nan)
    return np.stack([(h11 * g0 - h01 * g1) / safe, (h00 * g1 - h01 * g0) / safe], axis=1)


def _losses(z, beta, positive, total) -> np.ndarray:
    at = beta[:, :1] * z + beta[:, 1:]  # (samples, n)
    with np.errstate(invalid="ignore"):  # NaN of a sample that lacks a class
        return np.sum(total * np.logaddexp(0.0, at) - positive * at, axis=1)
