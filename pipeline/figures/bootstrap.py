"""Bootstrap over patients: how far a figure would move with other women.

Ten patches of a lesion are not ten samples, so whole patients are drawn. A bootstrap sample is a
row of weights, how often each patient was drawn, and a figure's samples are (samples, ...) with NaN
where a sample lacks a class. Figures here come from sums over the drawn patients, exactly but for
`slope_samples`; those that need an order are in `ranking_bootstrap`.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.special import expit

from pipeline.figures.froc import Matches
from pipeline.figures.reliability import recalibrations, slope_intercept

CALIBRATION_BINS = 256
# Beyond it the sample separates the classes: its slope has no finite value.
_STEEPEST = 100.0


@dataclass(frozen=True, eq=False)
class Scored:
    """Units of one kind that a score should tell apart."""

    labels: np.ndarray  # 0 or 1, (n,)
    scores: np.ndarray  # calibrated logits, or what a baseline gives, (n,) float64
    patient: np.ndarray  # index of the patient of each, (n,) int64
    # how much each counts, (n,), for instance to count lesions alike; all alike if absent
    weights: np.ndarray | None = None

    def __post_init__(self) -> None:
        if not self.labels.shape == self.scores.shape == self.patient.shape:
            raise ValueError(
                "labels, scores and patients must have one length, not "
                f"{self.labels.shape}, {self.scores.shape}, {self.patient.shape}"
            )

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def recalibration(self) -> tuple[float, float]:
        """Slope and intercept of logistic recalibration; as `reliability.slope_intercept`."""
        return slope_intercept(self.scores, self.labels, self.weights)

    def falling(self) -> "Scored":
        """The same units from the highest score down: figures of ranking then sort no more."""
        order = np.argsort(-self.scores, kind="stable")
        weights = None if self.weights is None else self.weights[order]
        return Scored(self.labels[order], self.scores[order], self.patient[order], weights)

    def scored_by(self, scores: np.ndarray) -> "Scored":
        """The same units with other scores, (n,)."""
        return replace(self, scores=scores)


@dataclass(frozen=True, eq=False)
class Searched:
    """Images that were searched for lesions."""

    matches: Matches  # what became of lesions and candidates
    patient_of_image: np.ndarray  # index of the patient of each image, (images,) int64

    def __len__(self) -> int:
        return len(self.matches.lesion_scores)


def patient_weights(patients: int, *, samples: int, seed: int) -> np.ndarray:
    """How often each patient is drawn in each bootstrap sample.

    Sample i depends on (seed, i) only, so more samples repeat the first ones.

    Returns:
        float64 (samples, patients); every row adds up to `patients`.
    """
    if patients < 1 or samples < 1:
        raise ValueError(f"patients and samples must be at least 1, not {patients} and {samples}")
    weights = np.zeros((samples, patients))
    for sample in range(samples):
        drawn = np.random.default_rng([seed, sample]).integers(0, patients, size=patients)
        weights[sample] = np.bincount(drawn, minlength=patients)
    return weights


def log_loss_samples(of: Scored, weights: np.ndarray) -> np.ndarray:
    """Mean binary cross-entropy of each sample, (samples,)."""
    return mean_samples(np.logaddexp(0.0, of.scores) - of.labels * of.scores, of.patient, weights)


def share_with_candidate_samples(of: Searched, weights: np.ndarray) -> np.ndarray:
    """Share of lesions that hold a candidate in each sample, (samples,)."""
    patient = of.patient_of_image[of.matches.lesion_images]
    return mean_samples(np.isfinite(of.matches.lesion_scores), patient, weights)


def observed_over_expected_samples(of: Scored, weights: np.ndarray) -> np.ndarray:
    """Observed / expected of each sample, (samples,)."""
    counted = np.ones(len(of)) if of.weights is None else of.weights
    observed, expected = counted * of.labels, counted * expit(of.scores)
    return ratio(*(per_sample(x, of.patient, weights) for x in (observed, expected)))


def slope_samples(of: Scored, weights: np.ndarray) -> np.ndarray:
    """Slope of logistic recalibration of each sample, (samples,).

    Logits are binned, which moves the slope by less than a hundredth of itself: 256 bins of
    equal mass, cut further where they are wider than a 256th of the range, because the rare
    positives lie together in the uppermost of them.
    """
    logits, patients = of.scores, weights.shape[1]
    counted = np.ones(len(of)) if of.weights is None else of.weights
    inner = np.linspace(0, 1, CALIBRATION_BINS + 1)[1:-1]
    by_width = logits.min() + inner * np.ptp(logits)
    edges = np.unique([np.quantile(logits, inner), by_width])
    bin_of = np.searchsorted(edges, logits, side="right")
    bins = len(edges) + 1

    def per_bin(amount: np.ndarray) -> np.ndarray:
        cell = of.patient * bins + bin_of
        return np.bincount(cell, amount, minlength=patients * bins).reshape(patients, bins)

    count = np.bincount(bin_of, minlength=bins)
    centre = np.bincount(bin_of, logits, minlength=bins) / np.maximum(count, 1)
    positive, total = weights @ per_bin(counted * of.labels), weights @ per_bin(counted)
    slope, _ = recalibrations(centre, positive, total)
    return np.where(np.abs(slope) < _STEEPEST, slope, np.nan)


def mean_samples(values: np.ndarray, patient: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean of the values, (n,) float or bool, in each sample, (samples,)."""
    sums = (per_sample(x, patient, weights) for x in (values, np.ones(len(values))))
    return ratio(*sums)


def per_sample(amounts: np.ndarray, patient: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Sum of the amounts of the drawn patients, (samples,)."""
    return weights @ np.bincount(patient, amounts, minlength=weights.shape[1])


def ratio(over: np.ndarray, under: np.ndarray) -> np.ndarray:
    """One over the other, (samples,); NaN where there is nothing under it."""
    return np.divide(over, under, out=np.full(len(under), np.nan), where=under > 0)
