"""What lies on a film besides the breast: the scanner's frame, white strips, labels, glow."""

import numpy as np
from scipy import ndimage

from pipeline.preprocess.shapes import dilated, main_part, opened

_BLACK = 0.004
_WHITE = 0.97
_OUTWARD = 1.0


def film_box(light: np.ndarray) -> tuple[slice, slice]:
    """The part of the image inside black frames and white edges that run along a whole side.

    Args:
        light: (h, w) float32 from 0 to 1.
    """
    rows, cols = slice(0, light.shape[0]), slice(0, light.shape[1])
    for _ in range(3):  # a white strip may lie inside a black frame, and the other way round
        before = rows, cols
        cols = _trimmed(light[rows, cols].T, cols)
        rows = _trimmed(light[rows, cols], rows)
        if (rows, cols) == before:
            break
    return rows, cols


def _trimmed(lines: np.ndarray, span: slice) -> slice:
    """Take uniform lines off both ends of `span`; keeps at least a third of the lines."""
    most = len(lines) // 3
    first = min(_uniform_lines(lines), most)
    last = min(_uniform_lines(lines[::-1]), most)
    return slice(span.start + first, span.stop - last)


def _uniform_lines(lines: np.ndarray) -> int:
    """How many lines from the first on are frame or white edge."""
    white = (lines >= _WHITE).mean(axis=1) > 0.8
    lit = (lines > _BLACK).mean(axis=1)
    count = 0
    while count < len(lines) and (white[count] or lit[count] < 0.03):
        count += 1
    # The frame ends in a step; at the nipple the breast begins gradually.
    filled = np.flatnonzero(lit > 0.6)
    if filled.size and filled[0] > 3 and lit[: filled[0] - 2].max() < 0.3:
        count = max(count, int(filled[0]))
    return count


def without_white_edge(smooth: np.ndarray, *, spacing_mm: float) -> np.ndarray:
    """Darken white areas that touch the edge opposite to the chest wall, which is on the left.

    A breast that fills the film and is white there is too wide for a film edge, and stays.
    """
    labels, _ = ndimage.label(opened(smooth > 0.85, 2 / spacing_mm))
    result = smooth.copy()
    for number in np.setdiff1d(labels[:, -3:], [0]):
        part = labels == number
        if ndimage.distance_transform_edt(np.pad(part, 1)).max() * spacing_mm < 25:
            result[dilated(part, 3 / spacing_mm)] = smooth.min()
    return result


def without_labels(
    smooth: np.ndarray, core: np.ndarray, bright: float, *, spacing_mm: float
) -> np.ndarray:
    """Darken bright parts that stand apart from the core, have sharp edges and no chest wall.

    The chest wall is on the left.

    Args:
        smooth: (h, w) grey values from 0 to 1.
        core: (h, w) bool, surely breast.
        bright: grey value from which a part counts as bright.
    """
    labels, count = ndimage.label((smooth > bright) & ~core)
    steepness = np.hypot(*np.gradient(smooth))
    result = smooth.copy()
    for number in set(range(1, count + 1)) - set(np.unique(labels[:, 0])):
        part = labels == number
        edge = part & ~ndimage.binary_erosion(part, border_value=1)
        if part.sum() * spacing_mm**2 < 5 or steepness[edge].mean() < 0.08:
            continue
        around = dilated(part, 3 / spacing_mm)
        ring = dilated(part, 6 / spacing_mm) & ~around
        result[around & ~dilated(core, 2 / spacing_mm)] = np.quantile(smooth[ring], 0.2)
    return result


def without_strips(mask: np.ndarray, *, spacing_mm: float) -> np.ndarray:
    """Cut narrow strips off both ends of the breast along the chest wall: glow of the film edge.

    The chest wall is on the left. A strip keeps its width, a breast that ends in a corner
    does not.
    """
    widths = mask.sum(axis=1) * spacing_mm
    rows = np.flatnonzero(widths)
    if rows.size == 0:
        return mask
    kept = np.ones(len(mask), bool)
    for ordered in (rows, rows[::-1]):
        along = widths[ordered]
        typical = np.median(along[: max(int(12 / spacing_mm), 1)])
        length = int(np.argmax(along > 1.3 * typical + spacing_mm))
        if typical < 20 and length * spacing_mm > 12:
            kept[ordered[:length]] = False
    return main_part(mask & kept[:, None])


def without_corners(mask: np.ndarray) -> np.ndarray:
    """Cut off corners of the film that hang on the ends of the breast.

    From its widest row towards its ends, a breast does not suddenly become wider again: there
    the skin may move outwards by `_OUTWARD` pixels per row. The chest wall is on the left.
    """
    rows = np.flatnonzero(mask.any(axis=1))
    if rows.size == 0:
        return mask
    reach = np.where(mask, np.arange(1, mask.shape[1] + 1), 0).max(axis=1).astype(float)
    middle = rows[len(rows) // 4 : len(rows) - len(rows) // 4]
    widest = int(middle[np.argmax(reach[middle])])
    allowed = reach.copy()
    for row in range(widest - 1, int(rows[0]) - 1, -1):
        allowed[row] = min(reach[row], allowed[row + 1] + _OUTWARD)
    for row in range(widest + 1, int(rows[-1]) + 1):
        allowed[row] = min(reach[row], allowed[row - 1] + _OUTWARD)
    return mask & (np.arange(mask.shape[1]) < allowed[:, None])
