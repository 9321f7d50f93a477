"""The pectoral muscle of an oblique view: the bright triangle in the corner above the breast.

Of all straight lines that cut the corner, the one along which the film darkens most steadily
towards the breast; then the best path within a few mm of it, since the muscle is not straight.
"""

import cv2
import numpy as np
from scipy import ndimage

from pipeline.preprocess.breast.binary_masks import depth_px

# Angles of the normal of the line, from the horizontal.
_ANGLES = np.deg2rad(np.arange(8, 62, 2.0))
# The line crosses the top and the chest wall at least this far from the corner.
_LEAST_WIDTH_MM, _LEAST_HEIGHT_MM = 12.0, 25.0
# Longer lines than this are no better; shorter ones are less likely to be the muscle.
_LONG_MM = 100.0
# A fall per mm, in parts of the breast's white, that counts as 1. Nothing counts more than
# that, or less than -0.5.
_STEEP = 0.02
_SMOOTH_MM = 1.6
_SKIN_MM = 4.0
_BEND_MM = 8.0
_PRICE_OF_BENDING = 0.15
# Mean fall along the line and along the path, in parts of `_STEEP`, from which it is believed.
_CLEAR_LINE, _CLEAR_PATH = 0.5, 0.7


def find_pectoral(light: np.ndarray, breast: np.ndarray, *, spacing_mm: float) -> np.ndarray | None:
    """Find the muscle on a view whose chest wall is on the left and whose axilla is above.

    Args:
        light: (h, w) grey values from 0 on, from the film's first row on.
        breast: (h, w) bool, the breast with the muscle.
        spacing_mm: pixel spacing, about 0.8 mm.

    Returns:
        (h, w) bool, the muscle within `breast`; None where there is no clear edge of one.
    """
    first = int(np.argmax(breast.any(axis=1)))
    if not breast.any() or first * spacing_mm > 10:
        return None
    light, seen = light[first:], breast[first:]
    white = max(float(np.percentile(light[seen], 99)), 1e-6)
    light, sigma = np.ascontiguousarray(light / white, np.float32), _SMOOTH_MM / spacing_mm
    smooth = cv2.GaussianBlur(light, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    angle, distance_mm, clear = _best_line(smooth, seen, spacing_mm)
    if clear < _CLEAR_LINE:
        return None
    rows, cols, clear = _best_path(smooth, angle, distance_mm, spacing_mm)
    if clear < _CLEAR_PATH:
        return None
    muscle = np.zeros(breast.shape, bool)
    muscle[first:] = _above(rows, cols, seen.shape) & seen
    return muscle


def _best_line(smooth: np.ndarray, breast: np.ndarray, spacing_mm: float) -> tuple:
    """The angle of its normal in rad, its distance from the corner in mm, how clear it is."""
    padded = np.pad(breast, ((40, 0), (40, 0)), mode="edge")
    inner = depth_px(padded)[40:, 40:] * spacing_mm > _SKIN_MM
    row_slope, col_slope = np.gradient(smooth, spacing_mm)
    rows, cols = np.nonzero(inner)
    row_slope, col_slope = row_slope[inner], col_slope[inner]
    height_mm = (np.flatnonzero(breast.any(axis=1))[-1] + 1) * spacing_mm
    width_mm = breast[: max(int(5 / spacing_mm), 1)].sum(axis=1).mean() * spacing_mm
    best, best_score = (0.0, 0.0, -1.0), -1.0
    for angle in _ANGLES:
        sine, cosine = np.sin(angle), np.cos(angle)
        fall = np.clip(-(col_slope * cosine + row_slope * sine) / _STEEP, -0.5, 1)
        step = np.round(cols * cosine + rows * sine).astype(np.int64)
        count = np.bincount(step, minlength=1)
        mean = np.bincount(step, fall, minlength=1) / np.maximum(count, 1)
        distance = np.arange(len(count)) * spacing_mm
        across, down = distance / cosine, distance / sine
        length = np.hypot(across, down)
        possible = (across > _LEAST_WIDTH_MM) & (across < width_mm)
        possible &= (down > _LEAST_HEIGHT_MM) & (down < height_mm)
        possible &= count * spacing_mm > 0.6 * length
        score = np.where(possible, mean * np.minimum(length / _LONG_MM, 1) ** 0.3, -1)
        index = int(np.argmax(score)) if score.size else 0
        if score.size and score[index] > best_score:
            best_score = float(score[index])
            best = (float(angle), float(distance[index]), float(mean[index]))
    return best


def _best_path(
    smooth: np.ndarray, angle: float, distance_mm: float, spacing_mm: float
) -> tuple[np.ndarray, np.ndarray, float]:
    """Rows and columns of the path from the top to the chest wall, and its mean fall.

    Dynamic programming over the offset from the line.
    """
    normal = np.array([np.sin(angle), np.cos(angle)])
    along = np.array([np.cos(angle), -np.sin(angle)])
    start = np.array([0.0, distance_mm / np.cos(angle)])
    length = distance_mm / np.cos(angle) / np.sin(angle)
    places = np.arange(0, length, spacing_mm)
    offsets = np.arange(-_BEND_MM, _BEND_MM + spacing_mm / 2, spacing_mm)
    points = start[:, None, None] + along[:, None, None] * places[:, None]
    points = (points + normal[:, None, None] * offsets) / spacing_mm
    values = ndimage.map_coordinates(smooth, points, order=1, mode="nearest")
    fall = np.clip(-np.gradient(values, spacing_mm, axis=1) / _STEEP, -0.5, 1)
    total = fall - 0.002 * offsets**2
    came_from = np.zeros(total.shape, np.int64)
    for place in range(1, len(places)):
        before = np.pad(total[place - 1], 1, constant_values=-np.inf)
        bent = before - _PRICE_OF_BENDING
        options = np.stack([bent[:-2], before[1:-1], bent[2:]])
        came_from[place] = options.argmax(axis=0) - 1
        total[place] += options.max(axis=0)
    path = np.zeros(len(places), np.int64)
    path[-1] = total[-1].argmax()
    for place in range(len(places) - 1, 0, -1):
        path[place - 1] = path[place] + came_from[place, path[place]]
    clear = float(fall[np.arange(len(places)), path].mean())
    offset = ndimage.gaussian_filter1d(offsets[path], 3 / spacing_mm, mode="nearest")
    rows, cols = start[:, None] + along[:, None] * places + normal[:, None] * offset
    return rows / spacing_mm, cols / spacing_mm, clear


def _above(rows: np.ndarray, cols: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """What a path from the top to the left edge cuts off: (h, w) bool."""
    beyond = 20.0  # pixels, so that the ends of the path run out of the image
    first, last = (rows[0] - rows[3], cols[0] - cols[3]), (rows[-1] - rows[-4], cols[-1] - cols[-4])
    outline = [(-beyond, -beyond), (rows[0] + beyond * first[0], cols[0] + beyond * first[1])]
    outline += list(zip(rows, cols, strict=True))
    outline += [(rows[-1] + beyond * last[0], cols[-1] + beyond * last[1]), (rows[-1], -beyond)]
    cut = np.zeros(shape, np.uint8)
    corners = np.round(np.array(outline)[:, ::-1] * 16).astype(np.int32)
    cv2.fillPoly(cut, [corners], 1, shift=4)
    return cut > 0
