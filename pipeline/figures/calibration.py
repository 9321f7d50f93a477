"""Whether probabilities mean what they say, judged from logits where that matters."""

from dataclasses import asdict, dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import expit

from pipeline.figures.undefined import Undefined

ECE_BINS = 15
# Outside these limits a temperature is a sign of a broken model, not of over-confidence.
TEMPERATURE_LIMITS = (0.05, 20.0)


@dataclass(frozen=True)
class Reliability:
    """Equal-mass bins of probability, rising; all arrays (bins,)."""

    mean_probability: np.ndarray
    observed: np.ndarray  # share of positives
    count: np.ndarray


def sigmoid(logits) -> np.ndarray:
    """1 / (1 + exp(-logit)) without overflow; keeps float32 as float32."""
    return expit(logits)


def logit(probability: float) -> float:
    """log(p / (1 - p)).

    Raises:
        ValueError: the probability is not strictly between 0 and 1.
    """
    if not 0 < probability < 1:
        raise ValueError(f"a probability with a logit must be between 0 and 1, not {probability}")
    return float(np.log(probability) - np.log1p(-probability))


def calibrated_logit(
    logits, *, training_prior: float, natural_prior: float, temperature: float
) -> np.ndarray:
    """Logits as trained on balanced data -> logits that fit natural frequency.

    logit / temperature + logit(natural prior) - logit(training prior): the temperature takes back
    the network's over-confidence about the balanced question that it was trained on, then the
    prior is moved. The other way round, a temperature above 1 would take back part of the prior
    as well and promise more positives than were counted.

    Args:
        logits: any shape; NaN stays NaN, float32 stays float32.

    Source: Saerens, Latinne, Decaestecker 2002, doi:10.1162/089976602753284446 (prior);
        Guo et al. 2017, arXiv:1706.04599 (temperature).
    """
    if temperature <= 0:
        raise ValueError(f"temperature must be positive, not {temperature}")
    shift = logit(natural_prior) - logit(training_prior)
    return np.asarray(logits) / temperature + np.float32(shift)


@dataclass(frozen=True)
class Calibration:
    """Probability = sigmoid(logit / temperature + logit(natural) - logit(training))."""

    training_prior: float
    natural_prior: float
    temperature: float

    @property
    def shift(self) -> float:
        """What moves the prior: logit(natural) - logit(training)."""
        return logit(self.natural_prior) - logit(self.training_prior)

    def trained_logit(self, calibrated: np.ndarray) -> np.ndarray:
        """The logits of the network that became these calibrated ones."""
        return (np.asarray(calibrated) - self.shift) * self.temperature

    def probability(self, logits: np.ndarray) -> np.ndarray:
        """Calibrated probabilities, float32, of logits of any shape; NaN stays NaN."""
        return np.asarray(sigmoid(self.logit(np.asarray(logits, np.float32))), np.float32)

    def logit(self, logits: np.ndarray) -> np.ndarray:
        """Logits of the calibrated probabilities, of the shape and type of `logits`."""
        return calibrated_logit(logits, **asdict(self))


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


def fit_temperature(logits, labels, weights=None, *, shift: float = 0.0) -> float:
    """The temperature that logits are divided by for the least log loss.

    Args:
        logits: as the network gives them, (n,).
        labels: 0 or 1, (n,), at natural frequency.
        shift: added after the division: logit(natural prior) - logit(training prior).

    Raises:
        Undefined: a class is missing.
    """
    logits, labels, weights = _checked(logits, labels, weights)
    _need_both(labels, weights, "a temperature")
    found = minimize_scalar(
        lambda t: log_loss_from_logits(logits / np.exp(t) + shift, labels, weights),
        bounds=np.log(TEMPERATURE_LIMITS),
        method="bounded",
        options={"xatol": 1e-6},
    )
    return float(np.exp(found.x))


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
