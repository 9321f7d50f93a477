"""How well a label can be told from a few numbers of each image, judged on other patients.

A linear score, fitted by ridge regression of the label on the ranks of the numbers, with the
patients in five parts of which each is scored by a fit on the others. Scores are compared as
ranks within their part, because the fits differ in their offsets. The interval is a bootstrap
over patients that repeats the fits in each sample: an interval around fixed scores leaves out
how far the fit itself is chance. With labels permuted between the women of mini-MIAS and of the
phantom it excluded 0.5 in 18 to 33 of 100 cases instead of 5, this one in less than one.
"""

from collections.abc import Sequence

import numpy as np
from scipy.stats import rankdata
from sklearn.model_selection import StratifiedGroupKFold

from pipeline.figures.bootstrap import patient_weights
from pipeline.figures.figure import Figure, Undefined, figure_of
from pipeline.figures.ranking import roc_auc

PARTS = 5
FEWEST_PATIENTS = 10
SAMPLES = 500
CONFIDENCE = 0.95
_RIDGE = 0.1


def predictability(
    features: np.ndarray,
    labels: Sequence[int],
    patients: Sequence[str],
    *,
    kinds: tuple[str, str] = ("negative", "positive"),
    seed: int = 0,
) -> Figure:
    """Cross-validated ROC AUC of the label with its interval, over all patients.

    Args:
        features: (n, k) float64, NaN where not known.
        labels: 0 or 1, (n,).
        patients: (n,).
        kinds: names of the labels 0 and 1, for the reason where it is undefined.
        seed: of the parts and of the bootstrap.

    Returns:
        `n` counts images. Undefined, with the reason, where a class has fewer than 10 patients
        or no feature differs between images.
    """
    truth = np.asarray(labels, dtype=np.int64)
    ids, patient = np.unique(patients, return_inverse=True)
    for value, name in enumerate(kinds):
        there = len(np.unique(patient[truth == value]))
        if there < FEWEST_PATIENTS:
            why = f"{there} patients with {name} images, at least {FEWEST_PATIENTS} are needed"
            return Figure(n=len(truth), reason=why)
    x = _standardised_ranks(np.asarray(features, dtype=np.float64))
    if not x.shape[1]:
        return Figure(n=len(truth), reason="all images are alike in it")
    # A patient is in one part, labels are spread evenly.
    folds = StratifiedGroupKFold(PARTS, shuffle=True, random_state=seed)
    parts = [held_out for _, held_out in folds.split(truth, truth, patient)]

    def auc(weight: np.ndarray) -> float:
        return roc_auc(truth, _scores(x, truth, parts, weight), weight)

    def sample_auc(weight: np.ndarray) -> float:
        try:
            return auc(weight[patient])
        except Undefined:
            return np.nan

    def sample_aucs() -> np.ndarray:
        weights = patient_weights(len(ids), samples=SAMPLES, seed=seed)
        return np.array([sample_auc(weight) for weight in weights])

    return figure_of(
        lambda: auc(np.ones(len(truth))), sample_aucs, n=len(truth), confidence=CONFIDENCE
    )


def _standardised_ranks(features: np.ndarray) -> np.ndarray:
    """Ranks with mean 0 and variance 1, (n, columns that differ); what is not known is 0."""
    known = features.T[np.isfinite(features).any(axis=0)]
    ranks = rankdata(known, axis=1, nan_policy="omit")
    ranks = np.nan_to_num(ranks - np.nanmean(ranks, axis=1, keepdims=True))
    ranks = ranks[ranks.any(axis=1)]
    return np.ascontiguousarray((ranks / ranks.std(axis=1, keepdims=True)).T)


def _scores(
    x: np.ndarray, labels: np.ndarray, parts: list[np.ndarray], weight: np.ndarray
) -> np.ndarray:
    """Ranks in 0..1 within each part by a ridge regression on the others, (n,)."""
    scores = np.zeros(len(labels))
    table = np.column_stack([np.ones(len(labels)), x, labels])  # (n, 1 + k + 1)
    # Moments of (1, features, label), from which a fit without one part follows.
    moments = [(table[part] * weight[part, None]).T @ table[part] for part in parts]
    whole = sum(moments)
    for held_out, own in zip(parts, moments, strict=True):
        rest = whole - own
        total = max(rest[0, 0], 1e-9)
        mean = rest[0] / total
        covariance = rest / total - np.outer(mean, mean)
        ridge = _RIDGE * np.eye(x.shape[1])
        slopes = np.linalg.solve(covariance[1:-1, 1:-1] + ridge, covariance[1:-1, -1])
        scores[held_out] = rankdata(x[held_out] @ slopes) / (len(held_out) + 1)
    return scores
