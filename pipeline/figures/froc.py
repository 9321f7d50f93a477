"""Free-response ROC: lesions found against false alarms per image.

A candidate is a point with a score. It hits a lesion when it lies inside that lesion; each
lesion keeps its best score, and further hits in it are no false alarms. A candidate inside a
finding that does not count is neither a hit nor a false alarm.

The sensitivity at x false alarms per image is that of the lowest threshold with *at most* x.
Where a method proposes so few candidates that x is never reached, this is the sensitivity of
all its candidates, an operating point that was seen, not extrapolated; `is_reached` tells, and
every table marks it. The mean over the standard rates therefore has the same terms for every
method, and a map without false alarms that finds every lesion gets 1.0.

Source: Bunch et al. 1978, doi:10.1117/12.955926; the mean over rates as in LUNA16,
    doi:10.1016/j.media.2017.06.015 (there from 1/8 on).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.figures.figure import Undefined

FP_RATES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)


@dataclass(frozen=True)
class Matches:
    """What candidates did, over all images."""

    lesion_scores: np.ndarray  # best score of each lesion, -inf where no candidate lies in it, (L,)
    lesion_images: np.ndarray  # index of each lesion's image, (L,)
    false_scores: np.ndarray  # score of each false alarm, (F,)
    false_images: np.ndarray  # index of each false alarm's image, (F,)
    # number of images on which a false alarm is known to be one, those without lesion or candidate
    # included; they come first, after them images that are not fully outlined, with lesions only
    images: int


def match_image(scores, hits, neutral=None) -> tuple[np.ndarray, np.ndarray]:
    """Match the candidates of one image with its lesions.

    Args:
        scores: score of each candidate, (n,).
        hits: candidate lies inside lesion, bool (n, lesions); (n, 0) without lesions.
        neutral: candidate lies inside a finding that does not count, bool (n,).

    Returns:
        The best score of each lesion (-inf: missed), (lesions,), and the scores of the false
        alarms, (m,).
    """
    scores = np.asarray(scores, dtype=np.float64)
    hits = np.asarray(hits, dtype=bool)
    if scores.ndim != 1 or hits.ndim != 2 or len(hits) != len(scores):
        raise ValueError(
            f"scores must be (n,) and hits (n, lesions), not {scores.shape} and {hits.shape}"
        )
    if not np.isfinite(scores).all():
        raise ValueError("scores of candidates must be finite")
    best = np.max(np.where(hits, scores[:, None], -np.inf), axis=0, initial=-np.inf)
    return best, scores[false_alarms(hits, neutral)]


def false_alarms(hits, neutral=None) -> np.ndarray:
    """Which candidates of an image are false alarms, bool (n,).

    Args:
        hits, neutral: as in `match_image`.
    """
    inside = np.asarray(hits, dtype=bool).any(axis=1)
    if neutral is not None:
        inside |= np.asarray(neutral, dtype=bool)
    return np.logical_not(inside)


def collect(
    matched: Sequence[tuple[np.ndarray, np.ndarray]], *, fully_outlined: int | None = None
) -> Matches:
    """Join the results of `match_image`, one for every image (none left out).

    Args:
        fully_outlined: so many images, the first ones, count for the false alarms; of the others
            only the lesions do. All count if absent.

    Raises:
        Undefined: no image counts for the false alarms.
    """
    images = len(matched) if fully_outlined is None else fully_outlined
    if not images:
        raise Undefined("FROC needs at least one image on which a false alarm is known to be one")
    lesions = [best for best, _ in matched]
    false = [scores for _, scores in matched[:images]]
    image = np.arange(len(matched))
    return Matches(
        lesion_scores=np.concatenate(lesions),
        lesion_images=np.repeat(image, [len(x) for x in lesions]),
        false_scores=np.concatenate(false),
        false_images=np.repeat(image[:images], [len(x) for x in false]),
        images=images,
    )


def sensitivity_at(matches: Matches, fp_per_image: float) -> float:
    """Share of lesions found with at most so many false alarms per image.

    Raises:
        Undefined: there are no lesions.
    """
    if not len(matches.lesion_scores):
        raise Undefined("the sensitivity needs at least one lesion, there is none")
    return float(np.mean(matches.lesion_scores > first_excluded(matches, fp_per_image)))


def mean_sensitivity(matches: Matches) -> float:
    """Mean of the sensitivities at the standard rates.

    Raises:
        Undefined: there are no lesions.
    """
    return float(np.mean([sensitivity_at(matches, rate) for rate in FP_RATES]))


def share_with_candidate(matches: Matches) -> float:
    """Share of lesions that hold a candidate: no score of candidates finds more.

    Raises:
        Undefined: there are no lesions.
    """
    if not len(matches.lesion_scores):
        raise Undefined("a share of lesions needs at least one, there is none")
    return float(np.mean(np.isfinite(matches.lesion_scores)))


def candidate_ranks(matches: Matches) -> np.ndarray:
    """How many places of its mammogram must be looked at until each lesion is, (L,) float64.

    1 and the number of false alarms there whose score is at least that of the lesion's best
    candidate. NaN where it holds none, and where not everything is outlined.
    """
    ranks = np.full(len(matches.lesion_scores), np.nan)
    known = np.isfinite(matches.lesion_scores) & (matches.lesion_images < matches.images)
    by_image = np.lexsort((matches.false_scores, matches.false_images))
    rising = matches.false_scores[by_image]
    starts = np.searchsorted(matches.false_images[by_image], np.arange(matches.images + 1))
    for lesion in np.flatnonzero(known):
        start, end = starts[matches.lesion_images[lesion] :][:2]
        below = np.searchsorted(rising[start:end], matches.lesion_scores[lesion])
        ranks[lesion] = 1 + end - start - below
    return ranks


def median_rank(matches: Matches) -> float:
    """The median of `candidate_ranks`; of an even number the lower one of the two in the middle.

    Raises:
        Undefined: no lesion has a rank.
    """
    ranks = candidate_ranks(matches)
    ranks = np.sort(ranks[np.isfinite(ranks)])
    if not len(ranks):
        raise Undefined("a rank needs a lesion that holds a candidate, there is none")
    return float(ranks[(len(ranks) - 1) // 2])


def is_reached(matches: Matches, fp_per_image: float) -> bool:
    """Whether all candidates together make at least so many false alarms per image."""
    return len(matches.false_scores) >= fp_per_image * matches.images


def threshold_at(matches: Matches, fp_per_image: float) -> float:
    """A threshold for `score >= threshold` with at most so many false alarms per image.

    It lies halfway between the last score that must stay out and the next higher one, so that
    rounding moves no candidate across it. Where the rate is not reached, it is the lowest score
    of all candidates.

    Raises:
        Undefined: there are no candidates.
    """
    found = matches.lesion_scores[np.isfinite(matches.lesion_scores)]
    scores = np.unique(np.concatenate([found, matches.false_scores]))
    if not len(scores):
        raise Undefined("a threshold needs at least one candidate, there is none")
    excluded = first_excluded(matches, fp_per_image)
    above = scores[scores > excluded]
    if excluded == -np.inf:
        return float(scores[0])
    just_above = np.nextafter(excluded, np.inf)
    return float(max((excluded + above[0]) / 2, just_above) if len(above) else just_above)


def first_excluded(matches: Matches, fp_per_image: float) -> float:
    """Score of the best false alarm that is one too many; -inf if there is none.

    A threshold above it lets through at most so many per image, however many are equal.
    """
    allowed = int(np.floor(fp_per_image * matches.images + 1e-9))
    falling = np.sort(matches.false_scores)[::-1]
    return float(falling[allowed]) if allowed < len(falling) else -np.inf


def froc_curve(matches: Matches) -> tuple[np.ndarray, np.ndarray]:
    """False alarms per image and sensitivity at every threshold, from (0, ...) upwards.

    Returns:
        Two rising arrays, one point for each distinct score of a false alarm and one for the
        end, where all candidates count. Drawn as steps (`where="post"`).

    Raises:
        Undefined: there are no lesions.
    """
    if not len(matches.lesion_scores):
        raise Undefined("an FROC curve needs at least one lesion, there is none")
    excluded, count = np.unique(-matches.false_scores, return_counts=True)
    false = np.concatenate([[0], np.cumsum(count)])
    limits = np.append(-excluded, -np.inf)  # falling; candidates above the limit count
    found = np.sort(matches.lesion_scores)
    hit = len(found) - np.searchsorted(found, limits, side="right")
    return false / matches.images, hit / len(found)
