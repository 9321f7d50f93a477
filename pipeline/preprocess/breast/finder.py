"""Where the breast is, on an image reduced to about 0.8 mm per pixel."""

from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np

from pipeline.preprocess.breast.binary_masks import dilated, main_part, opened, part_of
from pipeline.preprocess.breast.film import film_box, rows_of_tape, without_white_air
from pipeline.preprocess.breast.skin import Air, faint_share, measure_air, skin_line

WORK_SPACING_MM = 0.8
_SMALLEST_BREAST_MM2 = 2000.0
_LARGEST_BREAST_MM2 = 75_000.0
# Share of its rows in which the breast must lie at the film's edge.
_LEAST_AT_WALL = 0.6
_MOST_FAINT, _FAINT_LOST = 0.2, 0.3
# What counts as left outside the breast: its share of the tissue's contrast, in units of the noise,
# how wide it is at least; the share of all tissue above which a part of the breast is lost. Of 224
# films 7 % is the most.
_OUTSIDE_CONTRAST, _OUTSIDE_NOISE, _OUTSIDE_MM, _MOST_OUTSIDE = 0.05, 6.0, 10.0, 0.09
_SKIN_MM = 3.0  # that far from the mask nothing counts


class Side(StrEnum):
    """Side of the image that the chest wall is on."""

    LEFT = "left"
    RIGHT = "right"


@dataclass(frozen=True)
class Breast:
    """Result of the search."""

    mask: np.ndarray  # (h, w) bool, True in the breast, the pectoral muscle included
    chest_wall: Side  # side of the image that the chest wall is on
    # rows and columns inside black frames, white edges and tape; `mask` lies in it
    film: tuple[slice, slice]
    notes: tuple[str, ...]  # doubts, empty for a clear image
    lost: tuple[str, ...]  # those of them that say that a part of the breast may be lost


def find_breast(small: np.ndarray, *, spacing_mm: float, laterality: str = "") -> Breast:
    """Find the breast; labels, tape, white film edges and the scanner's frame are left out.

    Args:
        small: (h, w) float32, dense tissue bright, any scale. Padding must hold the minimum.
        spacing_mm: pixel spacing of `small`, about 0.8 mm.
        laterality: "L", "R" or "", what the tags say; a contradiction becomes a note.

    Raises:
        ValueError: the image is empty or has one grey value.
    """
    light = without_white_air(normalised(small), spacing_mm=spacing_mm)
    film = film_box(light)
    smooth = _smoothed(light[film])
    # Otsu's threshold (10.1109/TSMC.1979.4310076) of the root, between dark and bright.
    levels = np.round(np.sqrt(smooth) * 255).astype(np.uint8)
    otsu = cv2.threshold(levels, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)[0]
    bright = ((otsu + 0.5) / 255) ** 2
    core = _core(smooth, bright, spacing_mm)
    mirrored = _chest_wall(core, smooth)[0] is Side.RIGHT
    seen, core = (part[:, ::-1] if mirrored else part for part in (light[film], core))
    tape = rows_of_tape(seen, core)
    film, seen = (slice(film[0].start + tape, film[0].stop), film[1]), seen[tape:]
    if mirrored or tape:
        smooth = _smoothed(seen)
        core = _core(smooth, bright, spacing_mm)
    if not core.any():
        doubt = ("no breast found",)
        return Breast(np.zeros(light.shape, bool), Side.LEFT, film, doubt, lost=doubt)
    air = measure_air(smooth, core, bright, spacing_mm=spacing_mm)
    mask = skin_line(seen, smooth, core, bright, air, spacing_mm=spacing_mm)
    doubts, lost = _doubts(mask, smooth, air, spacing_mm=spacing_mm)
    if mirrored:
        mask, smooth = mask[:, ::-1], smooth[:, ::-1]
    side, clear = _chest_wall(mask, smooth)
    notes = [] if clear else ["side of the chest wall unclear"]
    if laterality and (laterality == "L") is not (side is Side.LEFT):
        notes.append(f"chest wall on the {side} though the laterality is {laterality}")
    whole = np.zeros(light.shape, bool)
    whole[film] = mask
    return Breast(whole, side, film, (*notes, *doubts), lost=tuple(lost))


def normalised(small: np.ndarray) -> np.ndarray:
    """Grey values from 0 (minimum) to 1 (nearly the maximum), single noisy pixels removed.

    Raises:
        ValueError: the image has one grey value.
    """
    if small.min() == small.max():
        raise ValueError("the image has one grey value only")
    light = cv2.medianBlur(np.ascontiguousarray(small, np.float32), 3)
    low, high = float(light.min()), float(np.percentile(light, 99.5))
    if high <= low:
        high = float(light.max())
    return np.clip((light - low) / max(high - low, 1e-12), 0, 1)


def _smoothed(light: np.ndarray) -> np.ndarray:
    light = np.ascontiguousarray(light)
    return cv2.GaussianBlur(light, (0, 0), 1.0, borderType=cv2.BORDER_REPLICATE)


def _core(smooth: np.ndarray, bright: float, spacing_mm: float) -> np.ndarray:
    """The bulkiest bright part, parted from what joins it by a narrow bridge."""
    bulky = opened(smooth > bright, 8 / spacing_mm)
    return main_part(bulky if bulky.any() else smooth > bright)


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
        upper = smooth[: max(len(smooth) // 3, 1)]
        left, right = upper[:, :band].mean(), upper[:, -band:].mean()
    return (Side.LEFT if left > right else Side.RIGHT), clear


def _doubts(
    mask: np.ndarray, smooth: np.ndarray, air: Air, *, spacing_mm: float
) -> tuple[list[str], list[str]]:
    """What makes a mask doubtful, and of that what a lost part of the breast does.

    The chest wall is on the left.
    """
    area_mm2 = float(mask.sum()) * spacing_mm**2
    notes, lost = [], []
    if area_mm2 < _SMALLEST_BREAST_MM2:
        lost.append(f"breast of only {area_mm2 / 100:.0f} cm2 found: is the pixel spacing right?")
    elif area_mm2 > _LARGEST_BREAST_MM2:
        notes.append(f"breast of {area_mm2 / 100:.0f} cm2 found: is the pixel spacing right?")
    rows = mask.any(axis=1)
    if rows.any() and mask[:, :2].any(axis=1).sum() < _LEAST_AT_WALL * rows.sum():
        lost.append("the breast hardly reaches the film's edge at the chest wall")
    if not air.seen:
        notes.append("no air found around the breast")
    faint = faint_share(mask, smooth, air, spacing_mm=spacing_mm)
    if faint > _MOST_FAINT:
        (lost if faint > _FAINT_LOST else notes).append(
            f"{faint:.0%} of the skin line is hardly visible"
        )
    outside = _share_outside(mask, smooth, air, spacing_mm=spacing_mm)
    if outside > _MOST_OUTSIDE:
        lost.append(f"{outside:.0%} of what looks like breast lies outside of it")
    return [*lost, *notes], lost


def _share_outside(mask: np.ndarray, smooth: np.ndarray, air: Air, *, spacing_mm: float) -> float:
    """Share of bulky tissue joined to the breast that lies outside of its mask."""
    contrast = smooth - air.level
    if not mask.any():
        return 0.0
    least = max(_OUTSIDE_NOISE * air.noise, _OUTSIDE_CONTRAST * float(np.median(contrast[mask])))
    tissue = part_of(opened(contrast > least, _OUTSIDE_MM / 2 / spacing_mm), mask)
    beyond = opened(tissue & ~dilated(mask, _SKIN_MM / spacing_mm), _OUTSIDE_MM / 2 / spacing_mm)
    return float(beyond.sum() / (beyond | mask).sum())
