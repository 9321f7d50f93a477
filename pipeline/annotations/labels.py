"""The label of a position: what the probability means.

Positive: the position lies in an outline that counts as abnormal; of a circle the inner share
counts, and every outline counts as at least `min_radius` around its centre. Ignored: not
positive, and in or near any outline. Negative: the rest. One function says so for the patch
table, the targets of training and the evaluation.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from pipeline.annotations.outlines import Circle, Outline, standard_outlines
from pipeline.annotations.polygon import area_and_centroid, distance_to_polygon
from pipeline.config import LabelSettings

__all__ = [
    "IGNORED",
    "NEGATIVE",
    "POSITIVE",
    "Circle",
    "LabelRule",
    "Outline",
    "contains",
    "finding_at",
    "label_points",
    "standard_outlines",
]

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


def label_points(
    rows: ArrayLike, cols: ArrayLike, outlines: Sequence[Outline], rule: LabelRule
) -> np.ndarray:
    """Label points of an image; each label depends on its own point only.

    Args:
        rows, cols: coordinates in the pixels of the outlines and the rule, broadcast together.
        outlines: all outlines of the image.
        rule: the label rule.

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
        near, near_rows, near_cols = _near(rows, cols, outline, rule, margin_px=rule.ignore_px)
        gap = _gap(near_rows, near_cols, outline, rule)
        labels[near] = np.where(gap <= rule.ignore_px, IGNORED, labels[near])
        if outline.positive:
            positive[near] |= _in_core(near_rows, near_cols, outline, rule, gap=gap)
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
    shape = np.broadcast_shapes(rows.shape, cols.shape)
    ids = np.full(shape, "", object)
    nearest = np.full(shape, np.inf)
    for outline in sorted(outlines, key=lambda o: o.finding_id):
        if not outline.positive:
            continue
        near, near_rows, near_cols = _near(rows, cols, outline, rule, margin_px=0.0)
        gap = _gap(near_rows, near_cols, outline, rule)
        inside = _in_core(near_rows, near_cols, outline, rule, gap=gap)
        distance = _distance(near_rows, near_cols, outline.centre)
        better = inside & (distance < nearest[near])
        ids[near] = np.where(better, outline.finding_id, ids[near])
        nearest[near] = np.where(better, distance, nearest[near])
    return ids


def contains(outline: Outline, rows: ArrayLike, cols: ArrayLike, rule: LabelRule) -> np.ndarray:
    """Whether points lie in the full outline, which counts as at least `min_radius`.

    Unlike the label, the whole circle counts: this decides whether a detection hits a lesion.

    Returns:
        Bool array of the broadcast shape of `rows` and `cols`.
    """
    rows, cols = np.asarray(rows, np.float64), np.asarray(cols, np.float64)
    inside = np.zeros(np.broadcast_shapes(rows.shape, cols.shape), bool)
    near, near_rows, near_cols = _near(rows, cols, outline, rule, margin_px=0.0)
    inside[near] = _gap(near_rows, near_cols, outline, rule) <= 0
    return inside


def _near(
    rows: np.ndarray, cols: np.ndarray, outline: Outline, rule: LabelRule, *, margin_px: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which points can matter to an outline, and their coordinates: (shape) bool, (n,), (n,)."""
    row0, col0, row1, col1 = outline.bounds
    # A small part counts as a disc that may stand out of the box by the smallest radius.
    margin = margin_px + rule.min_radius_px + 1.0
    in_rows = (rows >= row0 - margin) & (rows <= row1 + margin)
    near = in_rows & (cols >= col0 - margin) & (cols <= col1 + margin)
    return near, np.broadcast_to(rows, near.shape)[near], np.broadcast_to(cols, near.shape)[near]


def _gap(rows: np.ndarray, cols: np.ndarray, outline: Outline, rule: LabelRule) -> np.ndarray:
    """Distance from the full outline in pixels, at most 0 inside; (n,) float64."""
    if outline.circle is not None:
        radius = max(outline.circle.radius, rule.min_radius_px)
        return _distance(rows, cols, outline.centre) - radius
    gap = np.full(rows.shape, np.inf)
    for polygon in outline.polygons:
        gap = np.minimum(gap, distance_to_polygon(rows, cols, polygon))
        area, centre = area_and_centroid(polygon)
        if math.sqrt(area / math.pi) < rule.min_radius_px:
            gap = np.minimum(gap, _distance(rows, cols, centre) - rule.min_radius_px)
    return gap


def _in_core(
    rows: np.ndarray, cols: np.ndarray, outline: Outline, rule: LabelRule, *, gap: np.ndarray
) -> np.ndarray:
    """Whether points lie in the part of an outline that makes them positive; (n,) bool."""
    if outline.circle is None:
        return gap <= 0
    radius = max(rule.circle_share * outline.circle.radius, rule.min_radius_px)
    return _distance(rows, cols, outline.centre) <= radius


def _distance(rows: np.ndarray, cols: np.ndarray, centre: tuple[float, float]) -> np.ndarray:
    from_row, from_col = rows - centre[0], cols - centre[1]
    return np.sqrt(from_row * from_row + from_col * from_col)
