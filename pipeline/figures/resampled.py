"""The figures for all bootstrap samples at once, each sorted or counted only once.

Everywhere `weights` is (samples, patients) from `bootstrap.patient_weights`, `patient` the index
of each item's patient, and the result is (samples, ...) with NaN where a sample lacks a class.
All are exact but `slope_samples`. scikit-learn sorts anew for each sample: 2,000 samples of
360,000 positions take it 90 to 140 seconds a metric, these 0.1 to 8. A test compares them.
"""

from collections.abc import Sequence

import numpy as np
from scipy.special import expit

from pipeline.figures.froc import FP_RATES, Matches
from pipeline.figures.ranking import MAX_FALSE_RATE
from pipeline.figures.reliability import recalibrations

CALIBRATION_BINS = 256
# Beyond it the sample separates the classes: its slope has no finite value.
_STEEPEST = 100.0


def auc_samples(labels, scores, patient, weights: np.ndarray) -> np.ndarray:
    """ROC AUC of each sample, (samples,).

    AUC = sum over pairs of patients (i, j) of w_i w_j U_ij, over all pairs of a positive and a
    negative. U_ij counts how often a positive of i is above a negative of j (ties: half).
    """
    labels, scores, patient = _arrays(labels, scores, patient)
    patients = weights.shape[1]
    positive, negative = labels == 1, labels == 0
    wins = _wins(scores, patient, positive, negative, patients)
    pairs = (weights @ np.bincount(patient[positive], minlength=patients)) * (
        weights @ np.bincount(patient[negative], minlength=patients)
    )
    won = np.sum((weights @ wins) * weights, axis=1)
    return _ratio(won, pairs)


def average_precision_samples(labels, scores, patient, weights: np.ndarray) -> np.ndarray:
    """Average precision of each sample, (samples,)."""
    labels, scores, patient = _arrays(labels, scores, patient)
    order = np.argsort(-scores, kind="stable")
    falling, who, hit = scores[order], patient[order], labels[order] == 1
    # A positive's precision counts everything down to the end of its tie.
    end_of_tie = np.searchsorted(-falling, -falling[hit], side="right") - 1
    tie = np.searchsorted(-falling[hit], -falling[hit], side="right") - 1
    result = np.full(len(weights), np.nan)
    for sample, weight in enumerate(weights):
        all_above = np.cumsum(weight[who])[end_of_tie]
        gained = weight[who[hit]]
        true_above = np.cumsum(gained)[tie] if len(tie) else gained
        drawn = gained > 0
        if drawn.any():
            precision = true_above[drawn] / all_above[drawn]
            result[sample] = np.sum(gained[drawn] * precision) / gained.sum()
    return result


def partial_auc_samples(
    labels, scores, patient, weights: np.ndarray, *, max_false_rate: float = MAX_FALSE_RATE
) -> np.ndarray:
    """Standardised partial AUC of each sample, (samples,)."""
    labels, scores, patient = _arrays(labels, scores, patient)
    order = np.argsort(-scores, kind="stable")
    falling, who, positive = scores[order], patient[order], labels[order] == 1
    last_of_tie = np.flatnonzero(np.append(falling[1:] != falling[:-1], True))
    result = np.full(len(weights), np.nan)
    for sample, weight in enumerate(weights):
        counted = weight[who]
        true = np.cumsum(np.where(positive, counted, 0.0))[last_of_tie]
        false = np.cumsum(np.where(positive, 0.0, counted))[last_of_tie]
        if true[-1] > 0 and false[-1] > 0:
            result[sample] = _standardised_area(true, false, max_false_rate)
    return result


def log_loss_samples(labels, logits, patient, weights: np.ndarray) -> np.ndarray:
    """Mean binary cross-entropy of each sample, (samples,)."""
    labels, logits, patient = _arrays(labels, logits, patient)
    losses = np.logaddexp(0.0, logits) - labels * logits
    return _ratio_samples(losses, np.ones_like(losses), patient, weights)


def froc_samples(
    matches: Matches,
    patient_of_image: np.ndarray,
    weights: np.ndarray,
    *,
    rates: Sequence[float] = FP_RATES,
) -> np.ndarray:
    """Sensitivity of each sample at each rate of false alarms, (samples, rates)."""
    falling = np.argsort(-matches.false_scores, kind="stable")
    false_scores = matches.false_scores[falling]
    who_false = patient_of_image[matches.false_images[falling]]
    best_first = np.argsort(-matches.lesion_scores, kind="stable")
    lesion_scores = matches.lesion_scores[best_first]
    who_lesion = patient_of_image[matches.lesion_images[best_first]]
    # found[k]: lesions above the k-th best false alarm; the last: all that were hit at all.
    limits = np.append(false_scores, -np.inf)
    found = np.searchsorted(-lesion_scores, -limits, side="left")
    images = np.bincount(patient_of_image[: matches.images], minlength=weights.shape[1])
    allowed = (weights @ images)[:, None] * np.asarray(rates) + 1e-9  # (samples, rates)
    result = np.full((len(weights), len(rates)), np.nan)
    for sample, weight in enumerate(weights):
        lesion_weight = np.append(0.0, np.cumsum(weight[who_lesion]))
        if lesion_weight[-1] > 0:
            false_weight = np.cumsum(weight[who_false])
            excluded = np.searchsorted(false_weight, allowed[sample], side="right")
            result[sample] = lesion_weight[found[excluded]] / lesion_weight[-1]
    return result


def observed_over_expected_samples(
    labels, logits, patient, weights: np.ndarray, *, item_weights=None
) -> np.ndarray:
    """Observed / expected of each sample, (samples,).

    Args:
        item_weights: how much each item counts, (n,), for instance to count lesions alike.
    """
    labels, logits, patient = _arrays(labels, logits, patient)
    counted = np.ones_like(logits) if item_weights is None else np.asarray(item_weights)
    return _ratio_samples(counted * labels, counted * expit(logits), patient, weights)


def slope_samples(labels, logits, patient, weights: np.ndarray, *, item_weights=None) -> np.ndarray:
    """Slope of logistic recalibration of each sample, (samples,).

    Logits are binned, which moves the slope by less than a hundredth of itself: 256 bins of
    equal mass, cut further where they are wider than a 256th of the range, because the rare
    positives lie together in the uppermost of them.

    Args:
        item_weights: as in `observed_over_expected_samples`.
    """
    labels, logits, patient = _arrays(labels, logits, patient)
    counted = np.ones_like(logits) if item_weights is None else np.asarray(item_weights)
    patients = weights.shape[1]
    inner = np.linspace(0, 1, CALIBRATION_BINS + 1)[1:-1]
    by_width = logits.min() + inner * np.ptp(logits)
    edges = np.unique([np.quantile(logits, inner), by_width])
    bin_of = np.searchsorted(edges, logits, side="right")
    bins = len(edges) + 1
    cell = patient * bins + bin_of

    def per_bin(amount):
        table = np.bincount(cell, amount, minlength=patients * bins)
        return table.reshape(patients, bins)

    count = np.bincount(bin_of, minlength=bins)
    centre = np.bincount(bin_of, logits, minlength=bins) / np.maximum(count, 1)
    positive, total = weights @ per_bin(counted * labels), weights @ per_bin(counted)
    slope, _ = recalibrations(centre, positive, total)
    return np.where(np.abs(slope) < _STEEPEST, slope, np.nan)


def share_samples(found, patient, weights: np.ndarray) -> np.ndarray:
    """Share of the items that are true in each sample, (samples,)."""
    return _ratio_samples(found, np.ones(len(found)), patient, weights)


def _standardised_area(true, false, max_false_rate: float) -> float:
    """McClish's area from the weights at or above each falling score, (k,) each."""
    true, false = (np.concatenate([[0.0], c / c[-1]]) for c in (true, false))
    within = false < max_false_rate
    x = np.append(false[within], max_false_rate)
    y = np.append(true[within], np.interp(max_false_rate, false, true))
    area = np.sum(np.diff(x) * (y[1:] + y[:-1]) / 2)
    least, most = max_false_rate**2 / 2, max_false_rate
    return 0.5 * (1 + (area - least) / (most - least))


def _wins(scores, patient, positive, negative, patients: int) -> np.ndarray:
    """U: for patients i and j how often a positive of i is above a negative of j, (P, P)."""
    wins = np.zeros((patients, patients))
    positive_scores, who = scores[positive], patient[positive]
    order = np.lexsort((scores[negative], patient[negative]))
    negative_scores, whose = scores[negative][order], patient[negative][order]
    starts = np.searchsorted(whose, np.arange(patients + 1))
    for j in range(patients):
        rising = negative_scores[starts[j] : starts[j + 1]]
        below = np.searchsorted(rising, positive_scores, side="left")
        not_above = np.searchsorted(rising, positive_scores, side="right")
        wins[:, j] = np.bincount(who, (below + not_above) / 2, minlength=patients)
    return wins


def _ratio_samples(over, under, patient, weights: np.ndarray) -> np.ndarray:
    """Sum of `over` divided by that of `under`, (n,) each, in each sample; NaN where that is 0."""
    patients = weights.shape[1]
    sums = (weights @ np.bincount(patient, x, minlength=patients) for x in (over, under))
    return _ratio(*sums)


def _ratio(over: np.ndarray, under: np.ndarray) -> np.ndarray:
    return np.divide(over, under, out=np.full(len(under), np.nan), where=under > 0)


def _arrays(labels, scores, patient) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    labels, scores = np.asarray(labels, dtype=np.int64), np.asarray(scores, dtype=np.float64)
    patient = np.asarray(patient, dtype=np.int64)
    if not labels.shape == scores.shape == patient.shape:
        raise ValueError(
            "labels, scores and patients must have one length, not "
            f"{labels.shape}, {scores.shape}, {patient.shape}"
        )
    return labels, scores, patient
