"""The label of a position: what the probability means.

Positive: the position lies in an outline that counts as abnormal; of a circle the inner share
counts, and every finding counts as at least `min_radius` around its centre (`Outline.discs`).
Ignored: not positive, and in or near any outline. Negative: the rest. One function says so for the
patch table, the targets of training and the evaluation.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from pipeline.annotations.outlines import Outline, distance
from pipeline.config import LabelSettings

POSITIVE, NEGATIVE, IGNORED = 1, 0, -1


@dataclass(frozen=True)
class LabelRule:
    """The lengths of the label rule in pixels of one image."""

    min_radius_px: float
    circle_share: float
    ignore_px: float

    @classmethod
    def from_settings(cls, labels: LabelSettings, spacing_mm: float) -> "LabelRule":
        """The rule for an image with the given pixel spacing."""
        # 9.6 / 0.2 is 47.99999999999999: points at exactly 9.6 mm must not fall out.
        return cls(
            min_radius_px=round(labels.min_radius_mm / spacing_mm, 6),
            circle_share=labels.circle_share,
            ignore_px=round(labels.ignore_mm / spacing_mm, 6),
        )

    def hits(self, outline: Outline, rows: ArrayLike, cols: ArrayLike) -> np.ndarray:
        """Whether points lie in the full outline, which counts as at least `min_radius`.

        Unlike the label, the whole circle counts: this decides whether a detection hits a lesion.
        Bool of the broadcast shape of `rows` and `cols`.
        """
        return outline.contains(rows, cols, min_radius_px=self.min_radius_px)


def label_points(
    rows: ArrayLike, cols: ArrayLike, outlines: Sequence[Outline], rule: LabelRule
) -> np.ndarray:
    """Label points of an image; each label depends on its own point only.

    Args:
        rows, cols: coordinates in the pixels of the outlines and the rule, broadcast together.
        outlines: all outlines of the image.

    Returns:
        int8 array of the broadcast shape: 1 positive, 0 negative, -1 ignored. Knows nothing
        of the breast.

    Example:
        >>> disc = Outline("a", "mass", "benign", True, circle=Circle(0, 0, 10))
        >>> label_points(0, [0, 8, 9, 30, 31], [disc], LabelRule(4, 0.8, 20))
        array([ 1,  1, -1, -1,  0], dtype=int8)
    """
    rows, cols = np.asarray(rows, np.float64), np.asarray(cols, np.float64)
    labels = np.full(np.broadcast_shapes(rows.shape, cols.shape), NEGATIVE, np.int8)
    positive = np.zeros(labels.shape, bool)
    for outline in outlines:
        gap, core = _gap_and_core(rows, cols, outline, rule)
        labels[gap <= rule.ignore_px] = IGNORED
        if outline.positive:
            positive |= core
    labels[positive] = POSITIVE
    return labels


def finding_at(
    rows: ArrayLike, cols: ArrayLike, outlines: Sequence[Outline], rule: LabelRule
) -> np.ndarray:
    """Which finding makes each point positive.

    Returns:
        Object array of the broadcast shape: finding ids, "" where the point is not positive.
        Where several do, the one with the nearest centre, then the smaller id.
    """
    rows, cols = np.asarray(rows, np.float64), np.asarray(cols, np.float64)
    counting = [outline for outline in outlines if outline.positive]
    return _nearest(rows, cols, counting, lambda of: _gap_and_core(rows, cols, of, rule)[1])


def finding_hit(
    rows: ArrayLike, cols: ArrayLike, outlines: Sequence[Outline], rule: LabelRule
) -> np.ndarray:
    """Which finding each point hits by `LabelRule.hits`, as the evaluation judges candidates.

    Returns:
        Object array of the broadcast shape: finding ids, "" where the point hits none. Where it
        hits several, one that counts as abnormal before one that does not; then the one with the
        nearest centre, then the smaller id.
    """
    rows, cols = np.asarray(rows, np.float64), np.asarray(cols, np.float64)
    counting, others = (
        _nearest(
            rows,
            cols,
            [outline for outline in outlines if outline.positive is counts],
            lambda of: rule.hits(of, rows, cols),
        )
        for counts in (True, False)
    )
    return np.where(counting != "", counting, others)


def _nearest(
    rows: np.ndarray,
    cols: np.ndarray,
    outlines: Sequence[Outline],
    inside: Callable[[Outline], np.ndarray],
) -> np.ndarray:
    """Of the outlines that a point is inside of, the id of that with the nearest centre, or ""."""
    shape = np.broadcast_shapes(rows.shape, cols.shape)
    ids = np.full(shape, "", object)
    nearest = np.full(shape, np.inf)
    for outline in sorted(outlines, key=lambda o: o.finding_id):
        from_centre = distance(rows, cols, outline.centre)
        better = inside(outline) & (from_centre < nearest)
        ids[better] = outline.finding_id
        nearest = np.where(better, from_centre, nearest)
    return ids


def _gap_and_core(
    rows: np.ndarray, cols: np.ndarray, outline: Outline, rule: LabelRule
) -> tuple[np.ndarray, np.ndarray]:
    """`Outline.gap` as far as it matters, and whether points lie where the outline is positive."""
    size = rule.min_radius_px
    gap = outline.gap(rows, cols, min_radius_px=size, within_px=rule.ignore_px)
    if outline.circle is None:
        return gap, gap <= 0
    radius = max(rule.circle_share * outline.circle.radius, size)
    return gap, distance(rows, cols, outline.centre) <= radius
