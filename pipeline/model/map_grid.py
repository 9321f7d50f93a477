"""Which positions of a map are finite, and what is done to the network's logits there."""

import itertools
import math

import numpy as np
from scipy import ndimage

from pipeline.model.map_rule import MapRule
from pipeline.preprocess.breast.original_masks import LEAST_COVER, breast_cover
from pipeline.preprocess.positions import position_grid
from pipeline.preprocess.store.entries import BREAST_CELL_PX, breast_at


def finite_positions(breast: np.ndarray, *, height: int, width: int, pitch_px: int) -> np.ndarray:
    """Positions of the grid that have a breast pixel less than one step away.

    So the breast is widened by one step, and each of its pixels lies between four finite
    positions, at its border too.

    Args:
        breast: (ceil(H/8), ceil(W/8)) bool, cells of 8 x 8 pixels.
        height, width: size of the image, in pixels.
        pitch_px: distance between positions.

    Returns:
        (ceil(H/pitch)+1, ceil(W/pitch)+1) bool.
    """
    rows = _touches(height, breast.shape[0], pitch_px)
    cols = _touches(width, breast.shape[1], pitch_px)
    return rows @ breast.astype(np.float32) @ cols.T > 0


def breast_positions(breast: np.ndarray, *, height: int, width: int, pitch_px: int) -> np.ndarray:
    """Positions of the grid that lie in the breast, where a finding can be.

    They lie in the cells of the mask and, with the pixels that touch them, in its smooth form,
    which RUN/breast shows. The positions of `finite_positions` beyond them only bring the map up
    to the skin.

    Args:
        breast: (ceil(H/8), ceil(W/8)) bool, cells of 8 x 8 pixels.
        height, width: size of the image, in pixels.
        pitch_px: distance between positions.

    Returns:
        (ceil(H/pitch)+1, ceil(W/pitch)+1) bool.
    """
    rows, cols = position_grid(height, width, pitch_px)
    inside = breast_at(breast, rows[:, None], cols[None, :])
    inside &= (rows[:, None] <= height - 0.5) & (cols[None, :] <= width - 0.5)
    cover = breast_cover(breast).astype(np.float32)
    for off in itertools.product((-0.5, 0.5), repeat=2):
        pixels = [
            np.clip(axis + by, 0, size - 1)
            for axis, by, size in zip((rows, cols), off, (height, width), strict=True)
        ]
        cells = [(pixel + 0.5) / BREAST_CELL_PX - 0.5 for pixel in pixels]
        at = np.meshgrid(*cells, indexing="ij")
        inside &= ndimage.map_coordinates(cover, at, order=1, mode="nearest") > LEAST_COVER
    return inside


def finish_map(values: np.ndarray, finite: np.ndarray, rule: MapRule) -> np.ndarray:
    """From the network's logits to those of the map that is shown and calibrated.

    Args:
        values: (h, w) float32.
        finite: (h, w) bool, see `finite_positions`.

    Returns:
        (h, w) float32: smoothed, then brought to the level of a usual map; NaN outside `finite`.
    """
    smooth = smooth_map(values, finite, sigma_cells=rule.smooth_cells)
    if rule.level_share and finite.any():
        off = rule.level_share * (map_level(smooth, finite) - rule.level)
        smooth = smooth - smooth.dtype.type(off)
    return np.where(finite, smooth, np.nan).astype(np.float32)


def smooth_map(values: np.ndarray, finite: np.ndarray, *, sigma_cells: float) -> np.ndarray:
    """Gaussian mean of the finite positions around each; what lies outside the breast has no part.

    Args:
        values: (h, w) float.
        finite: (h, w) bool, see `finite_positions`.
        sigma_cells: standard deviation in positions of the map; 0 changes nothing.

    Returns:
        (h, w), of the type of `values`; outside `finite` as they were.
    """
    if not sigma_cells:
        return values
    weight = ndimage.gaussian_filter(finite.astype(np.float64), sigma_cells)
    total = ndimage.gaussian_filter(np.where(finite, values, 0.0).astype(np.float64), sigma_cells)
    mean = total / np.where(finite, weight, 1.0)
    return np.where(finite, mean, values).astype(values.dtype)


def map_level(values: np.ndarray, finite: np.ndarray) -> float:
    """How high the false alarms of a breast lie, by its lower logits; NaN where there is none.

    Twice the 40th percentile of the finite positions less the 10th: where the 70th would be, were
    the logits spread evenly. The upper ones are left out because a large finding is among them.
    So what the level differs by from that of other mammograms says more about film, exposure and
    density than about findings.
    """
    if not finite.any():
        return math.nan
    low, high = np.quantile(values[finite], [0.1, 0.4])
    return float(2 * high - low)


def _touches(size_px: int, cells: int, pitch_px: int) -> np.ndarray:
    """(positions, cells) float32: 1 where a cell reaches into the two steps round a position."""
    centre = np.arange(math.ceil(size_px / pitch_px) + 1) * pitch_px
    start = np.arange(cells) * BREAST_CELL_PX
    end = np.minimum(start + BREAST_CELL_PX, size_px)
    near = (end > centre[:, None] - pitch_px) & (start < centre[:, None] + pitch_px)
    return near.astype(np.float32)
