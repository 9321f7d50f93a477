"""Masks with holes: small ones are filled, a closed line is filled, others do not count as inside.

A polygon has one line, so the line round a hole is joined to the outer one by a bridge that is gone
along twice and has no width: by the even-odd rule what lies in the hole is outside.
"""

import cv2
import numpy as np

from pipeline.annotations.polygon import area_and_centroid

# A hole this small beside its part is one of a brush or of noise; so are a few pixels.
SMALL_HOLE_SHARE = 0.02
FEW_PIXELS, FEW_SHARE = 4, 0.1
# What fills less of what it goes round is a line that somebody drew round the finding.
LINE_SHARE = 0.2
# Straight pieces replace the steps of a contour while no point moves further, in pixels: less
# than the half pixel by which a mask leaves its outline open, at a thirtieth of the points.
SIMPLIFY_PX = 0.5

Polygons = list[list[list[float]]]  # of [row, col]


def outlines_of_mask(mask: np.ndarray) -> tuple[Polygons, list[str]]:
    """The parts of a mask with their holes, and what the user should know about these.

    Args:
        mask: (H, W); what is not 0 is inside.

    Returns:
        One polygon of [row, col] through pixel centres for each connected part.
    """
    rings, hierarchy = cv2.findContours(
        mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE
    )
    parents = hierarchy[0, :, 3] if len(rings) else []
    parts: Polygons = []
    filled = lines = real = 0
    hole_pixels = 0.0
    for index, outer in enumerate(rings):
        if parents[index] >= 0:
            continue
        holes = [ring for ring, parent in zip(rings, parents, strict=True) if parent == index]
        whole, empty = _pixels(outer, around=True), [_pixels(h, around=False) for h in holes]
        if whole and (whole - sum(empty)) / whole < LINE_SHARE:
            lines, kept = lines + 1, []
        else:
            small = [
                e / whole < SMALL_HOLE_SHARE or (e <= FEW_PIXELS and e / whole < FEW_SHARE)
                for e in empty
            ]
            kept = [hole for hole, is_small in zip(holes, small, strict=True) if not is_small]
            filled, real = filled + sum(small), real + len(kept)
            hole_pixels += sum(e for e, is_small in zip(empty, small, strict=True) if not is_small)
        parts.append(_joined(_simple(outer), [_simple(hole) for hole in kept]))
    notes = [f"{filled} small holes of its mask were filled"] if filled else []
    if lines:
        notes.append("its mask is a closed line: all that it goes round counts")
    if real:
        notes.append(f"{real} holes of its mask, {hole_pixels:.0f} pixels, do not count as inside")
    return sorted(parts), notes


def _pixels(ring: np.ndarray, *, around: bool) -> float:
    """Pixels that a ring of pixels encloses, its own included if `around` (Pick)."""
    points = ring[:, 0].astype(np.float64)
    border = float(np.abs(np.roll(points, -1, axis=0) - points).max(axis=1).sum()) / 2
    area = area_and_centroid(points)[0]
    return area + border + 1 if around else max(area - border + 1, 0.0)


def _simple(ring: np.ndarray) -> np.ndarray:
    """A ring of (x, y) as (n, 2) float64 of (row, col) with few points."""
    return cv2.approxPolyDP(ring, SIMPLIFY_PX, closed=True)[:, 0, ::-1].astype(np.float64)


def _joined(outer: np.ndarray, holes: list[np.ndarray]) -> list[list[float]]:
    """One line round a part and its holes; OpenCV lets holes run the other way round."""
    for hole in holes:
        apart = np.abs(outer[:, None] - hole[None]).sum(axis=2)
        at, of_hole = np.unravel_index(int(apart.argmin()), apart.shape)
        around = np.roll(hole, -of_hole, axis=0)
        outer = np.concatenate([outer[: at + 1], around, around[:1], outer[at:]])
    return outer.tolist()
