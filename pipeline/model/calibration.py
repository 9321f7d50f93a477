"""From logits of balanced training to probabilities: what does it, and how it is fitted."""

from dataclasses import replace

import numpy as np
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit

from pipeline.figures.figure import Undefined
from pipeline.figures.reliability import log_loss_from_logits, slope_intercept

TRAINING_PRIOR = 0.5  # half of the loss is on positive positions, see loss.py
FEW_LESIONS = 30
# Outside these limits a temperature is a sign of a broken model, not of over-confidence.
TEMPERATURE_LIMITS = (0.05, 20.0)
# A fitted share of positives nearer to 0 or 1 is a sign of a broken model.
_UNSURE = 1e-4


@dataclass(frozen=True, config=ConfigDict(extra="forbid", allow_inf_nan=False))
class Calibration:
    """Probability = expit(logit / temperature + logit(natural prior) - logit(training prior)).

    The temperature takes back the network's over-confidence about the balanced question that it
    was trained on, then the prior is moved. The other way round, a temperature above 1 would take
    back part of the prior as well and promise more positives than were counted.

    Raises:
        ValueError: a prior is not strictly between 0 and 1, or the temperature not above 0.

    Source: Saerens, Latinne, Decaestecker 2002, doi:10.1162/089976602753284446 (prior);
        Guo et al. 2017, arXiv:1706.04599 (temperature).
    """

    training_prior: float = Field(gt=0, lt=1)
    natural_prior: float = Field(gt=0, lt=1)
    temperature: float = Field(gt=0)

    @property
    def shift(self) -> float:
        """What moves the prior: logit(natural) - logit(training)."""
        return float(logit(self.natural_prior) - logit(self.training_prior))

    def logit(self, logits: np.ndarray) -> np.ndarray:
        """Logits of the calibrated probabilities, of the shape and type of `logits`."""
        return np.asarray(logits) / self.temperature + np.float32(self.shift)

    def trained_logit(self, calibrated: np.ndarray) -> np.ndarray:
        """The logits of the network that became these calibrated ones."""
        return (np.asarray(calibrated) - self.shift) * self.temperature

    def probability(self, logits: np.ndarray) -> np.ndarray:
        """Calibrated probabilities, float32, of logits of any shape; NaN stays NaN."""
        return np.asarray(expit(self.logit(np.asarray(logits, np.float32))), np.float32)

    def with_prior(self, prior: float) -> "Calibration":
        """The same network's probabilities where another share of positions is abnormal."""
        return replace(self, natural_prior=prior)


def fit_calibration(
    start: Calibration, labels: np.ndarray, logits: np.ndarray, *, lesions: int
) -> Calibration:
    """Fit the temperature, and with enough lesions the training prior, for the least log loss.

    Training sees as many positive as negative positions, but other negatives than life has: more
    of them lie near lesions. So the share of positives that its logits assume is not quite one
    half, and it is fitted together with the temperature. Then as many positives are promised as
    there are. On few lesions it would follow their number, which is chance.

    What cannot be fitted stays as it was: both where a class is missing, and where the logits
    separate the classes, for then the best temperature would be 0, which a few positions cannot
    prove.

    Args:
        start: natural prior, training prior and temperature so far.
        labels: 0 or 1, (n,), at natural frequency.
        logits: as the network gives them, (n,).
        lesions: findings behind the positive labels.

    Source: Platt 1999, Probabilistic outputs for support vector machines (both parameters).
    """
    if lacks_overlap(labels, logits):
        return start
    if lesions >= FEW_LESIONS:
        try:
            slope, intercept = slope_intercept(logits, labels)
        except Undefined:  # all logits are equal, or each positive is below each negative one
            slope, intercept = 0.0, 0.0
        training_prior = float(expit(logit(start.natural_prior) - intercept))
        low, high = TEMPERATURE_LIMITS
        # Otherwise the network hardly ranks.
        if 1 / high < slope < 1 / low and _UNSURE < training_prior < 1 - _UNSURE:
            return replace(start, temperature=1 / slope, training_prior=training_prior)
    exact = logits.astype(np.float64)
    found = minimize_scalar(
        lambda t: log_loss_from_logits(exact / np.exp(t) + start.shift, labels),
        bounds=np.log(TEMPERATURE_LIMITS),
        method="bounded",
        options={"xatol": 1e-6},
    )
    return replace(start, temperature=float(np.exp(found.x)))


def refit(old: Calibration, labels: np.ndarray, logits: np.ndarray, *, lesions: int) -> Calibration:
    """Count the natural prior, and fit the rest as far as so many lesions allow.

    Args:
        labels: 0 or 1, (n,), at natural frequency.
        logits: as the network gives them, (n,).

    Raises:
        Undefined: a class is missing.
    """
    prior = float(np.mean(labels)) if len(labels) else 0.0
    if not 0 < prior < 1:
        raise Undefined("a calibration needs positive and negative positions")
    return fit_calibration(old.with_prior(prior), labels, logits, lesions=lesions)


def lacks_overlap(labels: np.ndarray, logits: np.ndarray) -> bool:
    """Whether a class is missing, or the logits separate the classes."""
    positive, negative = logits[labels == 1], logits[labels == 0]
    return not (len(positive) and len(negative)) or bool(positive.min() > negative.max())
