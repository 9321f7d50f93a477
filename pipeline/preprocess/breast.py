"""Where the breast is, on an image reduced to about 0.8 mm per pixel.

The skin line is the level set with the steepest relative step: of many thresholds the one
whose contour has the largest harmonic mean gradient of log intensity. A contour that leaks
into even film has flat stretches there, which the harmonic mean punishes. That needs no
model of the air, which is 0 in one image and a third of the tissue in another.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy import ndimage
from skimage import filters

from pipeline.preprocess.film import (
    film_box,
    without_corners,
    without_labels,
    without_strips,
    without_white_edge,
)
from pipeline.preprocess.shapes import dilated, main_part, opened, part_of

WORK_SPACING_MM = 0.8
_THRESHOLDS = 24
# Share of the step from air to tissue up to which the skin line is looked for.
_HIGHEST_THRESHOLD = 0.3
# A dense gland can be a steeper step than the skin; the skin lies further out.
_NEARLY = 0.8
_SMALLEST_BREAST_MM2 = 2000.0


class Side(StrEnum):
    """Side of the image that the chest wall is on."""

    LEFT = "left"
    RIGHT = "right"


@dataclass(frozen=True)
class Breast:
    """Result of the search.

    Attributes:
        mask: (h, w) bool, True in the breast, the pectoral muscle included.
        chest_wall: side of the image that the chest wall is on.
        notes: doubts, empty for a clear image.
    """

    mask: np.ndarray
    chest_wall: Side
    notes: tuple[str, ...]


def find_breast(small: np.ndarray, *, spacing_mm: float, laterality: str = "") -> Breast:
    """Find the breast; labels, tape, white film edges and the scanner's frame are left out.

    Args:
        small: (h, w) float32, dense tissue bright, any scale. Padding must hold the minimum.
        spacing_mm: pixel spacing of `small`, about 0.8 mm.
        laterality: "L", "R" or "", what the tags say; a contradiction becomes a note.

    Raises:
        ValueError: the image is empty or has one grey value.
    """
    light = _normalised(small)
    box = film_box(light)
    smooth = ndimage.gaussian_filter(light[box], 1.0, mode="nearest")
    bright = float(filters.threshold_otsu(np.sqrt(smooth))) ** 2
    mirrored = _chest_wall(_core(smooth, bright, spacing_mm), smooth)[0] is Side.RIGHT
    if mirrored:
        smooth = smooth[:, ::-1]
    smooth = without_white_edge(smooth, spacing_mm=spacing_mm)
    core = _core(smooth, bright, spacing_mm)
    if not core.any():
        return Breast(np.zeros(light.shape, bool), Side.LEFT, ("no breast found",))
    smooth = without_labels(smooth, core, bright, spacing_mm=spacing_mm)
    mask = _skin_line(smooth, core, bright, spacing_mm=spacing_mm)
    mask = without_corners(without_strips(mask, spacing_mm=spacing_mm))
    if mirrored:
        mask, smooth = mask[:, ::-1], smooth[:, ::-1]
    side, notes = _decided_side(mask, smooth, laterality)
    whole = np.zeros(light.shape, bool)
    whole[box] = mask
    return Breast(whole, side, (*notes, *_doubts(whole, spacing_mm)))


def _core(smooth: np.ndarray, bright: float, spacing_mm: float) -> np.ndarray:
    """The bulkiest bright part, parted from what joins it by a narrow bridge."""
    bulky = opened(smooth > bright, 8 / spacing_mm)
    return main_part(bulky if bulky.any() else smooth > bright)


def _decided_side(mask: np.ndarray, smooth: np.ndarray, laterality: str) -> tuple[Side, list[str]]:
    """The side by the pixels, and the doubts."""
    side, clear = _chest_wall(mask, smooth)
    notes = [] if clear else ["side of the chest wall unclear"]
    if laterality and (laterality == "L") is not (side is Side.LEFT):
        notes.append(f"chest wall on the {side} though the laterality is {laterality}")
    return side, notes


def _normalised(small: np.ndarray) -> np.ndarray:
    """Grey values from 0 (minimum) to 1 (nearly the maximum), single noisy pixels removed."""
    light = ndimage.median_filter(small.astype(np.float32), 3)
    low, high = float(light.min()), float(np.percentile(light, 99.5))
    if high <= low:
        high = float(light.max())
    if high <= low:
        raise ValueError("the image has one grey value only")
    return np.clip((light - low) / (high - low), 0, 1)


def _skin_line(
    smooth: np.ndarray, core: np.ndarray, bright: float, *, spacing_mm: float
) -> np.ndarray:
    """The outermost mask whose contour is nearly the steepest relative step around the core."""
    tissue = float(np.median(smooth[core]))
    air = _air(smooth, core, bright, spacing_mm=spacing_mm)
    gradient = np.hypot(*np.gradient(np.log(np.maximum(smooth - air, 0) + 0.02 * tissue)))
    highest = max(_HIGHEST_THRESHOLD * (tissue - air), 0.02)
    masks = [
        ndimage.binary_fill_holes(part_of(smooth > air + step, core))
        for step in np.geomspace(0.01, highest, _THRESHOLDS)
    ]
    scores = np.array([_steepness(mask, gradient) for mask in masks])
    mask = masks[int(np.argmax(scores >= _NEARLY * scores.max()))]
    bulk = main_part(opened(mask, 7 / spacing_mm))
    return ndimage.binary_fill_holes(main_part(mask & dilated(bulk, 3 / spacing_mm)))


def _steepness(mask: np.ndarray, gradient: np.ndarray) -> float:
    """Harmonic mean of the gradient on the contour inside the image; 0 if that is short.

    Where the mask reaches the edge opposite to the chest wall it counts as flat contour.
    """
    edge = mask & ~ndimage.binary_erosion(mask, border_value=1)
    edge[[0, 1, -2, -1]] = False
    edge[:, [0, 1, -2, -1]] = False
    if edge.sum() < 0.5 * np.sqrt(mask.sum()):
        return 0.0
    steps = np.append(gradient[edge], np.zeros(int(mask[:, -1].sum())))
    return 1 / float(np.mean(1 / (steps + 0.01)))


def _air(smooth: np.ndarray, core: np.ndarray, bright: float, *, spacing_mm: float) -> float:
    """A low grey value of the film beside the breast; the minimum where there is no film."""
    far = ndimage.distance_transform_edt(~core) > 12 / spacing_mm
    film = smooth[far & (smooth < bright)]
    return float(np.percentile(film, 40)) if film.size > 0.01 * smooth.size else float(smooth.min())


def _chest_wall(mask: np.ndarray, smooth: np.ndarray) -> tuple[Side, bool]:
    """The side where more of the edge is breast, and whether that is clear.

    A breast that fills the film reaches both edges; then the pectoral muscle makes the side
    of the chest wall the brighter one in the upper third.
    """
    band = max(mask.shape[1] // 20, 1)
    left, right = mask[:, :band].mean(), mask[:, -band:].mean()
    clear = bool(abs(left - right) > 0.4 * max(left, right))
    if not clear:
        band = max(mask.shape[1] // 7, 1)
        upper = smooth[: len(smooth) // 3]
        left, right = upper[:, :band].mean(), upper[:, -band:].mean()
    return (Side.LEFT if left > right else Side.RIGHT), clear


def _doubts(mask: np.ndarray, spacing_mm: float) -> list[str]:
    area_mm2 = float(mask.sum()) * spacing_mm**2
    notes = []
    if area_mm2 < _SMALLEST_BREAST_MM2:
        notes.append(f"breast of only {area_mm2 / 100:.0f} cm2 found")
    if mask.mean() > 0.95:
        notes.append("no air found around the breast")
    return notes
