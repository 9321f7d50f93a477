"""From logits of balanced training to probabilities; fit_calibration.py fits it."""

from dataclasses import replace

import numpy as np
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from scipy.special import expit, logit

TRAINING_PRIOR = 0.5  # half of the loss is on positive positions, see loss.py
FEW_LESIONS = 30  # on fewer a calibration is rough


@dataclass(frozen=True, config=ConfigDict(extra="forbid", allow_inf_nan=False))
class Calibration:
    """Probability = expit(bent(logit) + logit(natural prior) - logit(training prior)), capped.

    The temperature takes back the network's over-confidence about the balanced question that it
    was trained on, then the prior is moved. The other way round, a temperature above 1 would take
    back part of the prior as well and promise more positives than were counted.

    bent(logit) is logit / temperature where `bend` is 1. A larger bend makes evidence against an
    abnormality count more, times `bend`, and evidence for it less, by `bend`: what looks just like
    a lesion and is none limits how sure any network can be, at one end only.

    Raises:
        ValueError: a prior is not strictly between 0 and 1, or temperature or bend not above 0.

    Source: Saerens, Latinne, Decaestecker 2002, doi:10.1162/089976602753284446 (prior);
        Guo et al. 2017, arXiv:1706.04599 (temperature); Kull, Silva Filho, Flach 2017,
        doi:10.1214/17-EJS1338SI (bend: their beta calibration, of the training's probability).
    """

    training_prior: float = Field(gt=0, lt=1)
    natural_prior: float = Field(gt=0, lt=1)
    temperature: float = Field(gt=0)
    bend: float = Field(default=1.0, gt=0)
    # findings behind the fit; None where that is not known, and nothing is capped
    lesions: int | None = Field(default=None, ge=0)
    fitted_prior: float | None = Field(default=None, gt=0, lt=1)  # the natural prior of the fit

    @property
    def shift(self) -> float:
        """What moves the prior: logit(natural) - logit(training)."""
        return float(logit(self.natural_prior) - logit(self.training_prior))

    @property
    def highest_logit(self) -> float:
        """Logit of the highest probability that is shown; infinite where nothing is capped.

        Had each of n lesions had the highest logits of all, one more position with such a logit
        would be expected to be abnormal with (n + 1) / (n + 2): more than that n lesions cannot
        show. Where another prior is in use the same evidence is capped, and never at more.

        Source: the rule of succession; Jaynes 2003, Probability Theory, chapter 18.
        """
        if self.lesions is None:
            return float("inf")
        moved = logit(self.natural_prior) - logit(self.fitted_prior or self.natural_prior)
        return float(np.log1p(self.lesions) + min(0.0, moved))

    @property
    def highest(self) -> float:
        """The highest probability that is shown, as `probability` gives it."""
        return float(expit(np.float32(self.highest_logit)))

    def logit(self, logits: np.ndarray) -> np.ndarray:
        """Logits of the calibrated probabilities, of the shape and type of `logits`.

        They are not capped, so they rank as the network's do.
        """
        logits = np.asarray(logits)
        if self.bend == 1:
            return logits / self.temperature + np.float32(self.shift)
        against, for_it = np.moveaxis(halves(logits), -1, 0)
        bent = against * self.bend + for_it / self.bend
        return bent / self.temperature + np.float32(self.shift)

    def slope(self, logits: np.ndarray) -> np.ndarray:
        """By how much the calibrated logit rises with the network's, of its shape and type."""
        share = expit(np.asarray(logits))
        return (self.bend + (1 / self.bend - self.bend) * share) / self.temperature

    def trained_logit(self, calibrated: np.ndarray) -> np.ndarray:
        """The logits of the network that became these calibrated ones."""
        calibrated = np.asarray(calibrated)
        found = (calibrated - self.shift) * self.temperature
        if self.bend == 1:
            return found
        # Newton's steps: from the second on they approach from one side, since a bend has one sign.
        finite = np.isfinite(found)
        for _ in range(100):
            with np.errstate(invalid="ignore"):  # infinite ones stay
                step = np.where(finite, (self.logit(found) - calibrated) / self.slope(found), 0.0)
            found = found - step
            if np.max(np.abs(step), initial=0.0) < 1e-9:
                break
        return found

    def shown_logit(self, logits: np.ndarray) -> np.ndarray:
        """Logits of the probabilities that are shown, capped, of the shape and type of `logits`."""
        calibrated = self.logit(logits)
        return np.minimum(calibrated, calibrated.dtype.type(self.highest_logit))

    def probability(self, logits: np.ndarray) -> np.ndarray:
        """Probabilities as they are shown, float32, of logits of any shape; NaN stays NaN."""
        return np.asarray(expit(self.shown_logit(np.asarray(logits, np.float32))), np.float32)

    def with_prior(self, prior: float) -> "Calibration":
        """The same network's probabilities where another share of positions is abnormal."""
        return replace(self, natural_prior=prior)


def halves(logits: np.ndarray) -> np.ndarray:
    """What a logit says against and for an abnormality, (..., 2); they add up to it."""
    beside = np.log1p(np.exp(-np.abs(logits))) - np.log(logits.dtype.type(2))
    return np.stack([np.minimum(logits, 0) - beside, np.maximum(logits, 0) + beside], -1)
