"""Which positions a map has, which of them are finite, and what is done to their logits."""

import math

import numpy as np
from scipy import ndimage

from pipeline.preprocess.store.entries import BREAST_CELL_PX
from pipeline.run.errors import UserError


def map_pitch_px(*, pitch_mm: float, spacing_mm: float, stride_px: int, label_pitch_px: int) -> int:
    """Distance between positions of the map, in standard pixels.

    The largest multiple of the network's stride that is not above `pitch_mm` and divides the
    pitch of the patch table, so that the table's positions are positions of the map as well.

    Raises:
        UserError: no such distance exists.
    """
    limit_px = math.floor(pitch_mm / spacing_mm + 1e-6)
    fitting = [px for px in range(stride_px, limit_px + 1, stride_px) if label_pitch_px % px == 0]
    if fitting:
        return fitting[-1]
    if limit_px < stride_px:
        raise UserError(
            f"maps.pitch_mm must be at least {stride_px * spacing_mm:g} mm, the step of this "
            f"network ({stride_px} pixels of {spacing_mm:g} mm), not {pitch_mm:g}."
        )
    raise UserError(
        f"The positions of the patch table are {label_pitch_px} pixels apart, which is no multiple "
        f"of the network's step of {stride_px} pixels. Train with another labels.pitch_mm, "
        f"e.g. {stride_px * round(label_pitch_px / stride_px) * spacing_mm:g}."
    )


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


def finish_map(
    values: np.ndarray,
    finite: np.ndarray,
    *,
    smooth_cells: float = 0.0,
    level_share: float = 0.0,
    level: float = 0.0,
) -> np.ndarray:
    """From the network's logits to those of the map that is shown and calibrated.

    Args:
        values, finite: see `smooth_map`.
        smooth_cells: see `smooth_map`, which comes first.
        level_share: share of (`map_level` - `level`) that is taken off then.
        level: where a usual mammogram has its level.

    Returns:
        (h, w), of the type of `values`.
    """
    smooth = smooth_map(values, finite, sigma_cells=smooth_cells)
    if not level_share or not finite.any():
        return smooth
    return smooth - smooth.dtype.type(level_share * (map_level(smooth, finite) - level))


def _touches(size_px: int, cells: int, pitch_px: int) -> np.ndarray:
    """(positions, cells) float32: 1 where a cell reaches into the two steps round a position."""
    centre = np.arange(math.ceil(size_px / pitch_px) + 1) * pitch_px
    start = np.arange(cells) * BREAST_CELL_PX
    end = np.minimum(start + BREAST_CELL_PX, size_px)
    near = (end > centre[:, None] - pitch_px) & (start < centre[:, None] + pitch_px)
    return near.astype(np.float32)
