"""Bootstrap over patients: how far a figure would move with other women.

Ten patches of a lesion are not ten samples, so whole patients are drawn. A bootstrap sample is
a row of weights, how often each patient was drawn; `resampled.py` computes the figures for all
rows at once.

Source: Efron and Tibshirani 1993, chapter 13 (percentile interval).
"""

from collections.abc import Sequence

import numpy as np

from pipeline.figures.undefined import Undefined


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


def patient_index(ids: Sequence, *, patients: Sequence) -> np.ndarray:
    """Index of each id in the list of patients.

    Raises:
        ValueError: an id is not in the list.
    """
    index_of = {patient: index for index, patient in enumerate(patients)}
    unknown = [i for i in ids if i not in index_of]
    if unknown:
        raise ValueError(f"patient {unknown[0]!r} is not among the {len(index_of)} patients")
    return np.array([index_of[i] for i in ids], dtype=np.int64)


def percentile_interval(values: np.ndarray, *, confidence: float) -> tuple[float, float]:
    """Lower and upper end of the central interval.

    Args:
        values: the figure in each bootstrap sample, NaN where a sample does not define it (no
            woman with a lesion was drawn); those are left out.
        confidence: share of the samples inside, 0.95 for instance.

    Raises:
        Undefined: fewer than half of the samples define the figure.
    """
    values = np.asarray(values, dtype=np.float64)
    finite = values[np.isfinite(values)]
    if len(finite) < len(values) / 2:
        raise Undefined(
            f"an interval needs patients of both kinds: only {len(finite)} of {len(values)} "
            "bootstrap samples define the figure"
        )
    tail = (1 - confidence) / 2
    low, high = np.quantile(finite, [tail, 1 - tail])
    return float(low), float(high)
