"""Bootstrap over patients: how far a figure would move with other women.

Ten patches of a lesion are not ten samples, so whole patients are drawn. A bootstrap sample is a
row of weights, how often each patient was drawn. The figures are computed for all rows at once,
each sorted or counted only once; the results are (samples, ...) with NaN where a sample lacks a
class. All are exact but `slope_samples`. scikit-learn sorts anew for each sample: 2,000 samples of
360,000 positions take it 90 to 140 seconds a metric, these 0.1 to 8. A test compares them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit

from pipeline.figures.froc import FP_RATES, Matches, candidate_ranks
from pipeline.figures.ranking import MAX_FALSE_RATE
from pipeline.figures.reliability import recalibrations

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


def auc_samples(of: Scored, weights: np.ndarray) -> np.ndarray:
    """ROC AUC of each sample, (samples,).

    AUC = sum over pairs of patients (i, j) of w_i w_j U_ij, over all pairs of a positive and a
    negative. U_ij counts how often a positive of i is above a negative of j (ties: half); a unit
    with a weight counts by it.
    """
    patients, positive = weights.shape[1], of.labels == 1
    counted = np.ones(len(of)) if of.weights is None else of.weights
    sums = (_per_sample(counted * each, of.patient, weights) for each in (positive, ~positive))
    pairs = np.multiply(*sums)
    wins = np.zeros((patients, patients))
    positive_scores, who, gained = of.scores[positive], of.patient[positive], counted[positive]
    order = np.lexsort((of.scores[~positive], of.patient[~positive]))
    negative_scores, whose = of.scores[~positive][order], of.patient[~positive][order]
    lost = counted[~positive][order]
    starts = np.searchsorted(whose, np.arange(patients + 1))
    for j in range(patients):
        own = slice(starts[j], starts[j + 1])
        rising, passed = negative_scores[own], np.append(0.0, np.cumsum(lost[own]))
        below = passed[np.searchsorted(rising, positive_scores, side="left")]
        not_above = passed[np.searchsorted(rising, positive_scores, side="right")]
        wins[:, j] = np.bincount(who, gained * (below + not_above) / 2, minlength=patients)
    return _ratio(np.sum((weights @ wins) * weights, axis=1), pairs)


def average_precision_samples(of: Scored, weights: np.ndarray) -> np.ndarray:
    """Average precision of each sample, (samples,)."""
    order = np.argsort(-of.scores, kind="stable")
    falling, who, hit = of.scores[order], of.patient[order], of.labels[order] == 1
    # A positive's precision counts everything down to the end of its tie.
    end_of_tie = np.searchsorted(-falling, -falling[hit], side="right") - 1
    tie = np.searchsorted(-falling[hit], -falling[hit], side="right") - 1
    result = np.full(len(weights), np.nan)
    for sample, weight in enumerate(weights):
        all_above = np.cumsum(weight[who])[end_of_tie]
        gained = weight[who[hit]]
        true_above = np.cumsum(gained)[tie]
        drawn = gained > 0
        if drawn.any():
            precision = true_above[drawn] / all_above[drawn]
            result[sample] = np.sum(gained[drawn] * precision) / gained.sum()
    return result


def partial_auc_samples(
    of: Scored, weights: np.ndarray, *, max_false_rate: float = MAX_FALSE_RATE
) -> np.ndarray:
    """Standardised partial AUC (McClish) of each sample, (samples,)."""
    order = np.argsort(-of.scores, kind="stable")
    falling, who, positive = of.scores[order], of.patient[order], of.labels[order] == 1
    last_of_tie = np.flatnonzero(np.append(falling[1:] != falling[:-1], True))
    least, most = max_false_rate**2 / 2, max_false_rate
    result = np.full(len(weights), np.nan)
    for sample, weight in enumerate(weights):
        counted = weight[who]
        true = np.cumsum(np.where(positive, counted, 0.0))[last_of_tie]
        false = np.cumsum(np.where(positive, 0.0, counted))[last_of_tie]
        if not (true[-1] > 0 and false[-1] > 0):
            continue
        true, false = (np.concatenate([[0.0], c / c[-1]]) for c in (true, false))
        within = false < max_false_rate
        x = np.append(false[within], max_false_rate)
        y = np.append(true[within], np.interp(max_false_rate, false, true))
        result[sample] = 0.5 * (1 + (np.trapezoid(y, x) - least) / (most - least))
    return result


def log_loss_samples(of: Scored, weights: np.ndarray) -> np.ndarray:
    """Mean binary cross-entropy of each sample, (samples,)."""
    return mean_samples(np.logaddexp(0.0, of.scores) - of.labels * of.scores, of.patient, weights)


def froc_samples(
    of: Searched, weights: np.ndarray, *, rates: Sequence[float] = FP_RATES
) -> np.ndarray:
    """Sensitivity of each sample at each rate of false alarms, (samples, rates)."""
    matches, patient = of.matches, of.patient_of_image
    falling = np.argsort(-matches.false_scores, kind="stable")
    who_false = patient[matches.false_images[falling]]
    best_first = np.argsort(-matches.lesion_scores, kind="stable")
    who_lesion = patient[matches.lesion_images[best_first]]
    # found[k]: lesions above the k-th best false alarm; the last: all that were hit at all.
    limits = np.append(matches.false_scores[falling], -np.inf)
    found = np.searchsorted(-matches.lesion_scores[best_first], -limits, side="left")
    images = _per_sample(np.ones(matches.images), patient[: matches.images], weights)
    allowed = images[:, None] * np.asarray(rates) + 1e-9  # (samples, rates)
    result = np.full((len(weights), len(rates)), np.nan)
    for sample, weight in enumerate(weights):
        lesion_weight = np.append(0.0, np.cumsum(weight[who_lesion]))
        if lesion_weight[-1] > 0:
            false_weight = np.cumsum(weight[who_false])
            excluded = np.searchsorted(false_weight, allowed[sample], side="right")
            result[sample] = lesion_weight[found[excluded]] / lesion_weight[-1]
    return result


def share_with_candidate_samples(of: Searched, weights: np.ndarray) -> np.ndarray:
    """Share of lesions that hold a candidate in each sample, (samples,)."""
    patient = of.patient_of_image[of.matches.lesion_images]
    return mean_samples(np.isfinite(of.matches.lesion_scores), patient, weights)


def median_rank_samples(of: Searched, weights: np.ndarray) -> np.ndarray:
    """The lower median of the lesions' ranks in each sample, (samples,)."""
    ranks = candidate_ranks(of.matches)
    order = np.argsort(ranks)[: np.isfinite(ranks).sum()]  # NaN come last
    patient = of.patient_of_image[of.matches.lesion_images[order]]
    drawn = np.cumsum(weights[:, patient], axis=1)  # (samples, lesions with a rank)
    if not len(order):
        return np.full(len(weights), np.nan)
    middle = np.argmax(drawn >= drawn[:, -1:] / 2, axis=1)
    return np.where(drawn[:, -1] > 0, ranks[order][middle], np.nan)


def observed_over_expected_samples(of: Scored, weights: np.ndarray) -> np.ndarray:
    """Observed / expected of each sample, (samples,)."""
    counted = np.ones(len(of)) if of.weights is None else of.weights
    observed, expected = counted * of.labels, counted * expit(of.scores)
    return _ratio(*(_per_sample(x, of.patient, weights) for x in (observed, expected)))


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
    sums = (_per_sample(x, patient, weights) for x in (values, np.ones(len(values))))
    return _ratio(*sums)


def _per_sample(amounts: np.ndarray, patient: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Sum of the amounts of the drawn patients, (samples,)."""
    return weights @ np.bincount(patient, amounts, minlength=weights.shape[1])


def _ratio(over: np.ndarray, under: np.ndarray) -> np.ndarray:
    return np.divide(over, under, out=np.full(len(under), np.nan), where=under > 0)
