"""Figures of ranking in each bootstrap sample: ROC, precision and recall, FROC.

Units are sorted or counted once, and weighted anew for each sample, exactly; a test compares them
with scikit-learn, which sorts anew for each sample: for 2,000 of 360,000 positions it takes 90 to
140 seconds a metric, these 0.1 to 1. Threads share the samples, each computed by itself, so that
their number changes nothing.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array, csr_array

from pipeline.figures.bootstrap import Scored, Searched, per_sample, ratio
from pipeline.figures.froc import FP_RATES, candidate_ranks
from pipeline.figures.ranking import MAX_FALSE_RATE
from pipeline.run.map_images import default_workers

_AT_ONCE, _MOST_CELLS = 16, 2**24  # samples that a thread computes together, and its numbers
# Points of an ROC curve: of which all is in the processor's cache, and that are summed together.
_POINTS, _SUMMED = 2**15, 2**22


def auc_samples(of: Scored, weights: np.ndarray, *, workers: int | None = None) -> np.ndarray:
    """ROC AUC of each sample, (samples,): its pairs in which the positive is higher, ties half.

    A unit with a weight counts by it.

    Args:
        workers: threads that share the samples; all cores if None.
    """
    positive = of.labels == 1
    counted = np.ones(len(of)) if of.weights is None else of.weights
    sums = (per_sample(counted * each, of.patient, weights) for each in (positive, ~positive))
    pairs = np.multiply(*sums)
    steps = _Steps.of(of, counted, patients=weights.shape[1])

    def lost(rows: np.ndarray) -> np.ndarray:
        above, not_below = steps.negatives_above(rows)
        return np.einsum("gs,gs->s", steps.positives @ rows.T, (above + not_below) / 2)

    return ratio(pairs - _by_samples(lost, weights, workers, cells=steps.cells), pairs)


def average_precision_samples(
    of: Scored, weights: np.ndarray, *, workers: int | None = None
) -> np.ndarray:
    """Average precision of each sample, (samples,); `workers` as in `auc_samples`."""
    steps = _Steps.of(of, np.ones(len(of)), patients=weights.shape[1])
    falling = np.argsort(steps.step, kind="stable")
    who, step = of.patient[of.labels == 1][falling], steps.step[falling]

    def mean_precision(rows: np.ndarray) -> np.ndarray:
        # A positive's precision counts everything down to the end of its tie.
        true = np.cumsum(steps.positives @ rows.T, axis=0)
        called = true + steps.negatives_above(rows)[1]
        precision = np.divide(true, called, out=np.zeros_like(true), where=called > 0)
        result = np.full(len(rows), np.nan)
        for sample, weight in enumerate(rows):
            gained = weight[who]
            drawn = gained > 0
            if drawn.any():
                summed = np.sum(gained[drawn] * precision[step[drawn], sample])
                result[sample] = summed / gained.sum()
        return result

    return _by_samples(mean_precision, weights, workers, cells=steps.cells)


def partial_auc_samples(
    of: Scored,
    weights: np.ndarray,
    *,
    max_false_rate: float = MAX_FALSE_RATE,
    workers: int | None = None,
) -> np.ndarray:
    """Standardised partial AUC (McClish) of each sample, (samples,); `workers` as above."""
    order = np.argsort(-of.scores, kind="stable")
    falling, who, positive = of.scores[order], of.patient[order], of.labels[order] == 1
    last_of_tie = np.flatnonzero(np.append(falling[1:] != falling[:-1], True))
    truths = (positive, ~positive)
    positives, negatives = (np.bincount(who, t, minlength=weights.shape[1]) for t in truths)
    limits = max_false_rate * (weights @ negatives)
    ties = np.searchsorted(last_of_tie, _enough(~positive, who, weights, limits) - 1) + 1
    last_of_tie = last_of_tie[:ties]
    who, positive = who[: last_of_tie[-1] + 1], positive[: last_of_tie[-1] + 1]
    true_to = np.cumsum(positive)[last_of_tie]
    who_positive, who_negative = who[positive], np.where(positive, len(negatives), who)
    least, most = max_false_rate**2 / 2, max_false_rate

    def area(weight: np.ndarray, terms: np.ndarray) -> float:
        """Under the curve up to the rate, NaN where a class is missing; `terms` is room for it."""
        all_true, all_false = weight @ positives, weight @ negatives
        if not (all_true > 0 and all_false > 0):
            return np.nan
        true_rate = np.append(0.0, np.cumsum(weight[who_positive])) / all_true
        counted = np.append(weight, 0.0)  # the last is whom no negative belongs to
        summed, filled, before, x, y = 0.0, 0, 0.0, np.zeros(1), np.zeros(1)
        for first in range(0, len(last_of_tie), _POINTS):
            ends = last_of_tie[first : first + _POINTS]
            start = last_of_tie[first - 1] + 1 if first else 0
            false = np.cumsum(counted[who_negative[start : ends[-1] + 1]])
            x = np.append(x[-1], (before + false[ends - start]) / all_false)
            y = np.append(y[-1], true_rate[true_to[first : first + _POINTS]])
            before += false[-1]
            if is_end := x[-1] >= most:
                within, end = np.searchsorted(x, most), np.interp(most, x, y)
                x, y = np.append(x[:within], most), np.append(y[:within], end)
            if filled + len(x) > len(terms):
                summed, filled = summed + terms[:filled].sum(), 0
            terms[filled : filled + len(x) - 1] = np.diff(x) * (y[1:] + y[:-1]) / 2.0
            filled += len(x) - 1
            if is_end:
                break
        return summed + terms[:filled].sum()

    def areas(rows: np.ndarray) -> np.ndarray:
        terms = np.empty(min(len(last_of_tie) + 1, _SUMMED))
        return np.array([area(row, terms) for row in rows])

    shares = _by_samples(areas, weights, workers)
    return 0.5 * (1 + (shares - least) / (most - least))


def froc_samples(
    of: Searched,
    weights: np.ndarray,
    *,
    rates: Sequence[float] = FP_RATES,
    workers: int | None = None,
) -> np.ndarray:
    """Sensitivity of each sample at each rate of false alarms, (samples, rates).

    `workers` as in `auc_samples`.
    """
    matches, patient = of.matches, of.patient_of_image
    falling = np.argsort(-matches.false_scores, kind="stable")
    who_false = patient[matches.false_images[falling]]
    best_first = np.argsort(-matches.lesion_scores, kind="stable")
    who_lesion = patient[matches.lesion_images[best_first]]
    images = np.bincount(patient[: matches.images], minlength=weights.shape[1])
    limits = (weights @ images) * max(rates) + 1e-9
    who_false = who_false[: _enough(np.ones(len(who_false)), who_false, weights, limits)]
    # found[k]: lesions above the k-th best false alarm; the last: all that were hit at all.
    limits = np.append(matches.false_scores[falling], -np.inf)
    found = np.searchsorted(-matches.lesion_scores[best_first], -limits, side="left")

    def sensitivity(rows: np.ndarray) -> np.ndarray:
        result = np.full((len(rows), len(rates)), np.nan)
        allowed = (rows @ images)[:, None] * np.asarray(rates) + 1e-9  # (samples, rates)
        for sample, weight in enumerate(rows):
            lesion_weight = np.append(0.0, np.cumsum(weight[who_lesion]))
            if lesion_weight[-1] > 0:
                false_weight = np.cumsum(weight[who_false])
                excluded = np.searchsorted(false_weight, allowed[sample], side="right")
                result[sample] = lesion_weight[found[excluded]] / lesion_weight[-1]
        return result

    return _by_samples(sensitivity, weights, workers)


def median_rank_samples(of: Searched, weights: np.ndarray) -> np.ndarray:
    """The lower median of the lesions' ranks in each sample, (samples,)."""
    ranks = candidate_ranks(of.matches)
    order = np.argsort(ranks)[: np.isfinite(ranks).sum()]  # NaN come last
    patient = of.patient_of_image[of.matches.lesion_images[order]]
    if not len(order):
        return np.full(len(weights), np.nan)

    def lower_median(rows: np.ndarray) -> np.ndarray:
        drawn = np.cumsum(rows[:, patient], axis=1)  # (samples, lesions with a rank)
        middle = np.argmax(drawn >= drawn[:, -1:] / 2, axis=1)
        return np.where(drawn[:, -1] > 0, ranks[order][middle], np.nan)

    return _by_samples(lower_median, weights)


@dataclass(frozen=True, eq=False)
class _Steps:
    """How many units of each patient lie between the scores of the positives, falling steps.

    The products with drawn patients replace a sum over all units for each sample, and are exact
    while units count 1.
    """

    positives: csr_array  # at each step, (steps, patients)
    negatives: csr_array  # above each step and not above the one before, then at it, (2 steps, ...)
    step: np.ndarray  # of each positive, (positives,)

    @classmethod
    def of(cls, of: Scored, counted: np.ndarray, *, patients: int) -> "_Steps":
        positive = of.labels == 1
        rising, step = np.unique(-of.scores[positive], return_inverse=True)
        sides = (np.searchsorted(rising, -of.scores[~positive], side) for side in ("left", "right"))
        between = sum(sides)  # odd where it is equal to a step
        kept = between < 2 * len(rising)

        def table(rows: np.ndarray, chosen: np.ndarray, height: int) -> csr_array:
            cells = counted[chosen], (rows, of.patient[chosen])
            return coo_array(cells, shape=(height, patients)).tocsr()

        return cls(
            table(step, positive, len(rising)),
            table(between[kept], np.flatnonzero(~positive)[kept], 2 * len(rising)),
            step,
        )

    @property
    def cells(self) -> int:
        """Of the tables of a sample."""
        return self.negatives.shape[0]

    def negatives_above(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Drawn negatives above each step, and these with those at it, (steps, samples) each."""
        summed = np.cumsum(self.negatives @ rows.T, axis=0)
        return summed[0::2], summed[1::2]


def _by_samples(
    figure: Callable[[np.ndarray], np.ndarray],
    weights: np.ndarray,
    workers: int | None = None,
    *,
    cells: int = 1,
) -> np.ndarray:
    """A figure of some rows of weights, for all of them; threads share them.

    Args:
        cells: numbers that a thread holds for each row, which it then takes fewer of.
    """
    at_once = min(max(_MOST_CELLS // max(cells, 1), 1), _AT_ONCE)
    parts = [weights[first : first + at_once] for first in range(0, len(weights), at_once)]
    with ThreadPoolExecutor(workers or default_workers()) as threads:
        return np.concatenate(list(threads.map(figure, parts)))


def _enough(counted: np.ndarray, who: np.ndarray, weights: np.ndarray, limits: np.ndarray) -> int:
    """So many of the first units that their count is above its limit in every sample, or all."""
    for end in range(len(who) // 8, len(who), len(who) // 16 + 1):
        if np.all(per_sample(counted[:end], who[:end], weights) > limits):
            return end
    return len(who)
