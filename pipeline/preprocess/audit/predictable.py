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

from pipeline.figures.bootstrap import patient_index, patient_weights
from pipeline.figures.figure import Figure, figure_of, undefined_figure
from pipeline.figures.ranking import roc_auc
from pipeline.figures.undefined import Undefined

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
    ids = sorted(set(patients))
    patient = patient_index(patients, patients=ids)
    for value, name in enumerate(kinds):
        there = len(np.unique(patient[truth == value]))
        if there < FEWEST_PATIENTS:
            why = f"{there} patients with {name} images, at least {FEWEST_PATIENTS} are needed"
            return undefined_figure(why, n=len(truth))
    x = _standardised_ranks(np.asarray(features, dtype=np.float64))
    if not x.shape[1]:
        return undefined_figure("all images are alike in it", n=len(truth))
    parts = _parts(truth, patient, seed=seed)

    def sample_auc(weight: np.ndarray) -> float:
        try:
            return roc_auc(truth, _scores(x, truth, parts, weight), weight)
        except Undefined:
            return np.nan

    return figure_of(
        lambda: roc_auc(truth, _scores(x, truth, parts, np.ones(len(truth)))),
        lambda: np.array(
            [
                sample_auc(weight[patient])
                for weight in patient_weights(len(ids), samples=SAMPLES, seed=seed)
            ]
        ),
        n=len(truth),
        confidence=CONFIDENCE,
    )


def _standardised_ranks(features: np.ndarray) -> np.ndarray:
    """Ranks with mean 0 and variance 1, (n, columns that differ); what is not known is 0."""
    columns = []
    for column in features.T:
        known = np.isfinite(column)
        ranks = np.zeros(len(column))
        ranks[known] = rankdata(column[known])
        ranks[known] -= ranks[known].mean() if known.any() else 0
        if ranks.any():
            columns.append(ranks / ranks.std())
    return np.stack(columns, axis=1) if columns else np.zeros((len(features), 0))


def _parts(labels: np.ndarray, patient: np.ndarray, *, seed: int) -> np.ndarray:
    """The part of each image, (n,) int; a patient is in one, labels are spread evenly."""
    folds = StratifiedGroupKFold(PARTS, shuffle=True, random_state=seed)
    parts = np.zeros(len(labels), np.int64)
    for part, (_, held_out) in enumerate(folds.split(labels, labels, patient)):
        parts[held_out] = part
    return parts


def _scores(x: np.ndarray, labels: np.ndarray, parts: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Ranks in 0..1 within each part by the fit on the others, (n,)."""
    scores = np.zeros(len(labels))
    table = np.column_stack([np.ones(len(labels)), x, labels])  # (n, 1 + k + 1)
    members = [np.flatnonzero(parts == part) for part in range(PARTS)]
    moments = [(table[m] * weight[m, None]).T @ table[m] for m in members]
    whole = sum(moments)
    for held_out, own in zip(members, moments, strict=True):
        direction = _ridge(whole - own)
        scores[held_out] = rankdata(x[held_out] @ direction) / (len(held_out) + 1)
    return scores


def _ridge(moments: np.ndarray) -> np.ndarray:
    """Slopes from the weighted moments of (1, features, label): (k,)."""
    total = max(moments[0, 0], 1e-9)
    mean = moments[0] / total
    covariance = moments / total - np.outer(mean, mean)
    features = covariance[1:-1, 1:-1]
    return np.linalg.solve(features + _RIDGE * np.eye(len(features)), covariance[1:-1, -1])
