"""Whether probabilities mean what they say, judged from logits where that matters."""

import numpy as np
from scipy.special import expit, logit

from pipeline.figures.figure import Undefined, checked, of_both_classes

ECE_BINS = 15
# Of the reliability diagram.
BINS_BELOW_PRIOR = 4
LOG_ODDS_STEP = 0.75
FEWEST_IN_BIN = 20


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


def equal_mass_bins(values: np.ndarray, *, bins: int) -> np.ndarray:
    """Number of the bin of each value, (n,); equal values share one, so there may be fewer."""
    rising = np.sort(values)
    starts = np.linspace(0, len(rising), bins, endpoint=False).astype(int)[1:]
    return np.searchsorted(np.unique(rising[starts]), values, side="right")


def log_odds_bins(logits: np.ndarray, *, prior: float) -> np.ndarray:
    """Number of the bin of each logit, rising from 0 without a gap, (n,).

    Below the prior, where most positions lie, bins are of equal mass. From there on they are steps
    of log odds up to the highest logit, so that the few high probabilities have theirs. A step with
    too few positions joins the one below it.
    """
    lowest = logit(prior)
    bin_of = np.zeros(len(logits), np.int64)
    low = logits < lowest
    if low.any():
        bin_of[low] = equal_mass_bins(logits[low], bins=BINS_BELOW_PRIOR)
    steps = np.floor((logits[~low] - lowest) / LOG_ODDS_STEP).astype(np.int64)
    count = np.bincount(steps)
    step_bin, number, waiting = np.zeros(len(count), np.int64), 0, 0
    for step in range(len(count) - 1, -1, -1):  # from the top, numbers fall
        step_bin[step] = number
        waiting += count[step]
        if waiting >= FEWEST_IN_BIN:
            number, waiting = number - 1, 0
    bin_of[~low] = step_bin[steps] - number + bin_of.max(initial=0) + 1
    return np.unique(bin_of, return_inverse=True)[1]


def ece(probabilities, labels, *, bins: int = ECE_BINS) -> float:
    """Expected calibration error: mean distance of bins of equal mass from the diagonal."""
    labels, probabilities, _ = checked(labels, probabilities)
    bin_of = equal_mass_bins(probabilities, bins=bins)
    return float(np.abs(np.bincount(bin_of, probabilities - labels)).sum() / len(labels))


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


def logistic_fit(
    features: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None, *, offset: float
) -> np.ndarray:
    """Coefficients (k,) of a logistic regression on features (n, k), by Newton's method.

    Args:
        labels: 0 or 1, (n,).
        weights: (n,); 1 if absent.
        offset: of all logits.

    Raises:
        Undefined: the coefficients have no finite values, or more than one.
    """
    weights = np.ones(len(labels)) if weights is None else weights

    def loss(coefficients: np.ndarray) -> float:
        logits = features @ coefficients + offset
        return float(np.sum(weights * (np.logaddexp(0.0, logits) - labels * logits)))

    found = np.zeros(features.shape[1])
    for _ in range(100):
        probability = expit(features @ found + offset)
        curvature = (features.T * (weights * probability * (1 - probability))) @ features
        gradient = features.T @ (weights * (probability - labels))
        if not np.linalg.cond(curvature) < 1e12:
            break
        step = np.linalg.solve(curvature, gradient)
        before = loss(found) * (1 + 1e-13)  # rounding is no rise
        while loss(found - step) > before:
            step /= 2
        found = found - step
        if np.max(np.abs(step)) < 1e-8:
            return found
    raise Undefined("a logistic regression needs classes that overlap, and features that differ")


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
    abnormal, known = positive.sum(axis=1), total.sum(axis=1)
    share = np.full(len(known), np.nan)
    np.divide(abnormal, known, out=share, where=(abnormal > 0) & (abnormal < known))
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
