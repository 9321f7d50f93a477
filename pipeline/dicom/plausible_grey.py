"""Whether the grey values of a mammogram can be right, judged by its breast.

Air lets all rays through, so beside dense tissue that is bright it is dark, and the breast gets
darker towards its skin. A breast that gets brighter towards bright air is a negative; one that
gets darker towards bright air lies on a ground that somebody has whitened, which says nothing.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.dicom.percentiles import percentiles

# Length of the longer side on which it is judged, and the shortest side of what is judged, in px.
_WORK_PX, _LEAST_PX = 240, 64
_FRAME = 0.04  # share of each side that may be strips and frames
# Grey values from the darkest to nearly the brightest, without small labels, in %.
_ENDS = (2.0, 97.0)
# Of the border: the grey value above which its middle is bright, and the share that air holds.
_BRIGHT, _AIR_AT_BORDER = 0.5, 0.5
# Median deviation of air that is of one grey value but for its noise.
_FLAT = 0.04
# The rim in pixels from the skin; the core as a share of the largest distance from it.
_RIM_PX, _CORE = (1.5, 6.0), 0.5
# How much brighter than the rim the core of a negative is once turned round, as a share of core and
# air. Of 216 films of mini-MIAS turned round 95 % have more, with whitened air 1 % have.
_CLEAR = 0.3
# As parts of the scale from air to the whitest: what nine tenths and three quarters of a raw
# breast surpass, and how close its quarters lie together. Counted rays fall off steeply at the
# skin, and nothing has stretched what they leave inside. No film of mini-MIAS is so.
_RAW_LEAST, _RAW_SPREAD = (0.7, 0.82), 0.18
# Beside padding: how much darker than its rim the core of a negative is, of the breast's range, at
# least and clearly.
_PADDED_UNCLEAR, _PADDED_CLEAR = 0.2, 0.3
# Share of its rows that a breast fills at the chest wall, and at the nipple.
_AT_WALL, _AT_NIPPLE = 0.4, 0.3
SMALLEST_BREAST = 0.02  # share of the image
# A value so close to an end of the scale is not told from it: a step of 8 bits.
_STEP = 1 / 256


@dataclass(frozen=True)
class Look:
    """What a reduced image shows."""

    breast: np.ndarray  # (h, w) bool
    reversed: bool | None  # True where the breast is a negative, None where that is unclear
    # True where the breast lies far from the air and has hardly a contrast of its own
    raw: bool = False


def reduced(pixels: np.ndarray) -> np.ndarray | None:
    """Every so many pixels of an image without its edges, (h, w); None where too few are there."""
    if min(pixels.shape) < _LEAST_PX:
        return None
    step = max(max(pixels.shape) // _WORK_PX, 1)
    frame = [int(_FRAME * size) for size in pixels.shape]
    inside = [
        slice(edge, size - edge, step) for edge, size in zip(frame, pixels.shape, strict=True)
    ]
    return np.ascontiguousarray(pixels[tuple(inside)])


def look_at(grey: np.ndarray, valid: np.ndarray | None = None) -> Look | None:
    """Find the breast, whether it is brighter or darker than the air; None where none is seen.

    Args:
        grey: (h, w) float32, a reduced image; padding must hold its minimum.
        valid: (h, w) bool, False where it is padding; None: nowhere.
    """
    if valid is not None and _share_at_border(~valid) > _AIR_AT_BORDER:
        return _look_beside_padding(grey, _largest_part(valid.astype(np.uint8)))
    low, high = percentiles(grey, _ENDS)
    if not high > low:
        return None
    light = np.clip((grey - low) / (high - low), 0, 1).astype(np.float32)
    light = cv2.medianBlur(light, 5)
    border = np.concatenate([light[0], light[-1], light[:, 0], light[:, -1]])
    bright_air = bool(np.median(border) > _BRIGHT)
    tissue = 1 - light if bright_air else light
    levels = np.round(np.sqrt(tissue) * 255).astype(np.uint8)
    breast = _largest_part(cv2.threshold(levels, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)[1])
    if not SMALLEST_BREAST < breast.mean() < 1:
        return None
    raw = _is_raw(tissue, breast)
    if not bright_air:
        return Look(breast, False, raw)
    is_reversed = _is_reversed(tissue, breast)
    return Look(breast, True if raw and is_reversed is None else is_reversed, raw)


def at_end(grey: np.ndarray) -> np.ndarray:
    """Where grey values from 0 to 1 are black or white."""
    return (grey < _STEP) | (grey > 1 - _STEP)


def clipped_share(grey: np.ndarray, plain: np.ndarray, breast: np.ndarray) -> float:
    """Share of the breast that a window makes black or white and that was neither before.

    Args:
        grey, plain: (h, w) float32 from 0 to 1, the reduced image with and without the window.
        breast: (h, w) bool.
    """
    before = plain[breast]
    was_at_end = (before <= before.min()) | (before >= before.max())
    return float((at_end(grey[breast]) & ~was_at_end).mean())


def _look_beside_padding(grey: np.ndarray, breast: np.ndarray) -> Look | None:
    """What the breast tells where the scanner has replaced the air: a positive has a dark rim."""
    if not SMALLEST_BREAST < breast.mean() < 1:
        return None
    low, high = np.percentile(grey[breast], _ENDS)
    rim, core = _rim_and_core(grey, breast)
    if not high > low or not rim.size or not core.size:
        return Look(breast, False)
    fall = float(np.median(rim) - np.median(core)) / float(high - low)
    return Look(breast, None if _PADDED_UNCLEAR < fall < _PADDED_CLEAR else fall >= _PADDED_CLEAR)


def _is_raw(tissue: np.ndarray, breast: np.ndarray) -> bool:
    """Whether nearly all of the grey scale lies between the air and the breast."""
    tenth, first, third = percentiles(tissue[breast], (10, 25, 75))
    if not (tenth > _RAW_LEAST[0] and first > _RAW_LEAST[1] and third - first < _RAW_SPREAD):
        return False
    rim, core = _rim_and_core(tissue, breast)
    return bool(rim.size and core.size and np.median(core) > np.median(rim))


def _rim_and_core(tissue: np.ndarray, breast: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Grey values near the edge of the breast and deep inside."""
    inwards = cv2.distanceTransform(breast.astype(np.uint8), cv2.DIST_L2, 5)
    rim = tissue[(inwards > _RIM_PX[0]) & (inwards <= _RIM_PX[1])]
    return rim, tissue[inwards > max(_CORE * float(inwards.max()), _RIM_PX[1])]


def _share_at_border(mask: np.ndarray) -> float:
    return float(np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]]).mean())


def _is_reversed(tissue: np.ndarray, breast: np.ndarray) -> bool | None:
    """Whether bright air belongs to a negative, by the rim of the breast.

    Args:
        tissue: (h, w) float32, the image turned round, so that its air is dark.
    """
    air = ~breast
    level = float(np.median(tissue[air]))
    flat = float(np.median(np.abs(tissue[air] - level))) < _FLAT
    if _share_at_border(air) < _AIR_AT_BORDER or not flat:
        return False
    if not _lies_like_a_breast(breast):
        return False
    rim, core = _rim_and_core(tissue, breast)
    if not rim.size or not core.size:
        return None
    middle = float(np.median(core))
    rise = (middle - float(np.median(rim))) / max(middle - level, 1e-6)
    return None if 0 < rise < _CLEAR else rise > 0


def _lies_like_a_breast(breast: np.ndarray) -> bool:
    """Whether one side of its box is the chest wall; a field inside white collimators has two."""
    columns = np.flatnonzero(breast.any(axis=0))
    rows = breast.any(axis=1)
    sides = [float(breast[rows, column].mean()) for column in (columns[0], columns[-1])]
    return max(sides) > _AT_WALL and min(sides) < _AT_NIPPLE


def _largest_part(mask: np.ndarray) -> np.ndarray:
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    if count < 2:
        return np.zeros(mask.shape, bool)
    return labels == 1 + int(boxes[1:, cv2.CC_STAT_AREA].argmax())
