"""What the polygons of a finding mean: stray pixels are no parts, and crossing lines no holes."""

import math

import cv2
import numpy as np

from pipeline.annotations.mask_holes import FEW_PIXELS, FEW_SHARE, LINE_SHARE, Polygons
from pipeline.annotations.masks import contours
from pipeline.annotations.polygon import area_and_centroid, hull_area

# A stray part of a mask is this small beside the largest, and in itself. So the single
# calcifications of a cluster stay, and a small satellite of a large mass does.
STRAY_SHARE = 0.02
STRAY_RADIUS_MM = 1.0

_SIDE_PX = 1024  # of the drawing on which crossing lines are told from the outline
_MISMATCH = 0.02
# An outline is drawn point by point, so a straight piece of many times their distance is a gap.
_GAP_EDGES = 5.0
_GAP_POINTS = 8


def clean_mask(polygons: Polygons, spacing_mm: float) -> tuple[Polygons, list[str]]:
    """The parts of a mask without its stray pixels.

    Args:
        polygons: outer contours through pixel centres.

    Returns:
        The polygons that stay, in their order, and what the user should know about them.
    """
    pixels = np.array([_pixels(np.asarray(polygon, np.float64)) for polygon in polygons])
    share = pixels / pixels.max()
    small = pixels * spacing_mm**2 < math.pi * STRAY_RADIUS_MM**2
    stray = (share < STRAY_SHARE) & small | (share < FEW_SHARE) & (pixels <= FEW_PIXELS)
    kept = [polygon for polygon, gone in zip(polygons, stray, strict=True) if not gone]
    notes = []
    if stray.any():
        notes.append(
            f"{stray.sum()} stray parts of its mask were dropped ({pixels[stray].sum():.0f} of "
            f"{pixels.sum():.0f} pixels, the largest of {pixels[stray].max():.0f}), "
            f"{len(kept)} kept"
        )
    largest = np.asarray(polygons[int(pixels.argmax())], np.float64)
    around_px = hull_area(largest)
    if pixels.max() < LINE_SHARE * around_px and around_px * spacing_mm**2 > math.pi:
        notes.append(
            f"its mask is a thin line that fills {pixels.max() / around_px:.0%} of the area it "
            "goes round, and only the line counts: if it is a contour, close or fill it"
        )
    return kept, notes


def clean_polygon(points: list[list[float]]) -> tuple[Polygons, list[str]]:
    """A polygon that is drawn by hand: what it encloses, even where its line crosses itself.

    Args:
        points: [row, col] in pixels; the last is joined to the first.

    Returns:
        The polygon as it is, or the outer contours of what it encloses if its lines cross; and
        what the user should know about it.
    """
    polygon = np.asarray(points, np.float64)
    notes = []
    edges = np.hypot(*(np.roll(polygon, -1, axis=0) - polygon).T)
    gap_px, longest = float(edges[-1]), float(edges[:-1].max())
    if len(polygon) >= _GAP_POINTS and gap_px > _GAP_EDGES * longest:
        notes.append(
            f"its outline is open: the last point lies {gap_px:.0f} pixels from the first, joined "
            "by a straight line"
        )
    origin, extent = polygon.min(axis=0), float(np.ptp(polygon, axis=0).max())
    if not extent:
        return [points], notes
    if area_and_centroid(polygon)[0] == hull_area(polygon) == 0:
        return [points], [*notes, "its points lie on a line, so that it encloses nothing"]
    scale = _SIDE_PX / extent
    drawn_at = np.rint((polygon - origin) * scale).astype(np.int32)
    drawing = np.zeros(drawn_at.max(axis=0) + 1, np.uint8)
    cv2.fillPoly(drawing, [drawn_at[:, ::-1].copy()], 1)  # OpenCV wants (x, y)
    outer = [np.asarray(part) / scale + origin for part in contours(drawing)]
    outer = [part for part in outer if len(part) >= 3]
    enclosed = sum(area_and_centroid(part)[0] for part in outer)
    rounding = float(edges.sum()) / scale
    if abs(enclosed - area_and_centroid(polygon)[0]) <= _MISMATCH * enclosed + rounding:
        return [points], notes
    notes.append("its outline crosses or touches itself: all that it encloses counts")
    return [part.tolist() for part in outer], notes


def _pixels(polygon: np.ndarray) -> float:
    """About how many pixels a contour through pixel centres encloses, its own included (Pick)."""
    length = np.abs(np.roll(polygon, -1, axis=0) - polygon).max(axis=1).sum()
    return area_and_centroid(polygon)[0] + float(length) / 2 + 1
