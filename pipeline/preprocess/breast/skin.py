"""The skin line, on a film whose chest wall is on the left, and the air beyond it.

The line is a watershed (10.1109/34.87344) of the gradient of log contrast to the air, between
what is surely breast and what is surely air, a label or a white edge. The logarithm makes the
first rise above the noise of the air the steepest: the uncompressed rim stays in, however bright
the gland. What glows beside the breast stays out, because the skin between them is steeper than
the far side of the glow.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy import ndimage
from skimage.segmentation import watershed

from pipeline.preprocess.breast.binary_masks import dilated, main_part, opened, part_of, parts
from pipeline.preprocess.breast.film import without_strips

# Share of the contrast of the tissue above which a bulky part is surely breast.
_SURELY_BREAST = 0.25
# Contrast, in units of the noise, below which a part is surely air.
_SURELY_AIR = 2.5
_LOG_FLOOR = 1.5
# Share of the contrast of the tissue, and rise of the logarithm per pixel, of air that glows.
_FAINT, _FLAT = 0.05, 0.06
# The smoothing carries the line outwards; this contrast must be there without it.
_SKIN_CONTRAST = 0.015
_BREAST, _OTHER = 1, 2
# Of what is darker than `bright`, a class that parts by this contrast and so many deviations,
# joined with the core by a bridge of this width, is fat. Air of another level reaches a corner.
_FAT_CONTRAST, _FAT_DEVIATIONS, _FAT_BRIDGE_MM = 0.03, 4.0, 10.0
_LEAST_FAT, _MOST_AT_EDGE, _CORNER_MM = 0.1, 0.5, 8.0
# A bright part beside the core is a label unless this share of what lies between is above the air.
_APART_MM, _BETWEEN, _ABOVE_AIR = 8.0, 0.98, 0.01
# Half a grey value of 8 bits: air that is clipped to one value still has this much.
LEAST_NOISE = 0.0015
_SAMPLES = 4000
_ROUNDS = 12
# The skin of a thick breast rises over this distance from the bright core.
_RIM_MM = 12.0
_FEWEST_SHARE = 0.005


@dataclass(frozen=True)
class Air:
    """Grey values where there is no breast."""

    level: np.ndarray  # (h, w) what the air would be at every pixel, the breast's own included
    noise: float  # standard deviation around it
    seen: bool  # False where no film was left to measure; then the level is the image's minimum
    fat: np.ndarray  # (h, w) bool, tissue as dark as air may be, which was told from it


def measure_air(smooth: np.ndarray, core: np.ndarray, bright: float, *, spacing_mm: float) -> Air:
    """Fit a surface of second order through the dark, flat part of the film.

    Flat, because the skin is dark too, but rises; and robustly (Cauchy weights, from a low
    quantile on), because glow and faint labels are brighter than the film and never darker.

    Args:
        smooth: (h, w) grey values from 0 to 1.
        core: (h, w) bool, surely breast.
        bright: grey value from which a pixel counts as bright.
    """
    film = (smooth < bright) & ~dilated(core, _RIM_MM / spacing_mm)
    if film.mean() < _FEWEST_SHARE:
        none = np.zeros(smooth.shape, bool)
        return Air(np.full(smooth.shape, smooth.min()), LEAST_NOISE, seen=False, fat=none)
    fat = _fat(smooth, film, core, spacing_mm)
    film &= ~fat
    slope = np.hypot(*np.gradient(smooth))
    film &= slope <= np.median(slope[film])
    rows, cols = np.meshgrid(*(np.linspace(-1, 1, size) for size in smooth.shape), indexing="ij")
    ones = np.ones(smooth.shape)
    terms = np.stack([ones, rows, cols, rows * rows, cols * cols, rows * cols], axis=-1)
    every = max(int(film.sum()) // _SAMPLES, 1)
    values = smooth[film][::every].astype(np.float64)
    coefficients, noise = _fitted(terms[film][::every], values)
    level = np.maximum(terms @ coefficients, smooth.min())
    return Air(level.astype(np.float32), noise, seen=True, fat=fat)


def _fat(smooth: np.ndarray, film: np.ndarray, core: np.ndarray, spacing_mm: float) -> np.ndarray:
    """The brighter one of two classes of the film that hangs on the core: (h, w) bool.

    Without it the air of a tightly cropped breast, of which little is left, would be taken from
    the fat. All False where there are no two classes or the brighter one is air as well.
    """
    levels = np.round(np.sqrt(smooth) * 255).astype(np.uint8)
    cut = cv2.threshold(levels[film], 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)[0]
    upper = levels > cut
    hanging = part_of(opened(upper, _FAT_BRIDGE_MM / 2 / spacing_mm), core)
    fat = hanging & film
    if fat.sum() <= _LEAST_FAT * film.sum():
        return np.zeros_like(fat)
    dark = float(np.median(smooth[film & ~upper]))
    rise = float(np.median(smooth[film & upper])) - dark
    noise = _spread(smooth[film & ~upper] - dark)
    corners = dilated(hanging, _CORNER_MM / spacing_mm)[[0, -1], -1]
    is_air = hanging[:, -1].mean() >= _MOST_AT_EDGE or corners.any()
    if is_air or rise < _FAT_CONTRAST or rise < _FAT_DEVIATIONS * noise:
        return np.zeros_like(fat)
    return fat


def _fitted(known: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, float]:
    """Coefficients of the terms by reweighted least squares, and the noise left over.

    A slight ridge keeps the surface flat where there are too few points to bend it.
    """
    ridge = 1e-3 * np.diag(np.r_[0.0, np.ones(known.shape[1] - 1)])
    residual = values - np.quantile(values, 0.3)
    coefficients = np.zeros(known.shape[1])
    for _ in range(_ROUNDS):
        noise = _spread(residual[residual <= 0])
        weights = 1 / (1 + (residual / (2 * noise)) ** 2)
        weighted = known.T * weights
        coefficients = np.linalg.solve(weighted @ known + ridge * weights.sum(), weighted @ values)
        residual = values - known @ coefficients
    return coefficients, _spread(residual[np.abs(residual) < 6 * noise])


def _spread(residual: np.ndarray) -> float:
    """Standard deviation by the median, so that outliers do not enter."""
    return max(1.4826 * float(np.median(np.abs(residual))), LEAST_NOISE)


def skin_line(
    light: np.ndarray,
    smooth: np.ndarray,
    core: np.ndarray,
    bright: float,
    air: Air,
    *,
    spacing_mm: float,
) -> np.ndarray:
    """The breast: (h, w) bool.

    Args:
        light: (h, w) grey values from 0 to 1.
        smooth: the same with less noise.
        core: (h, w) bool, surely breast.
        bright: grey value from which a pixel counts as bright.
        air: what there would be without the breast.
    """
    contrast = smooth - air.level
    tissue = float(np.median(contrast[core]))
    bulk = opened(part_of(contrast > _SURELY_BREAST * tissue, core), 6 / spacing_mm)
    surely = main_part(bulk) if bulk.any() else core
    above_air = contrast > max(_SURELY_AIR * air.noise, _ABOVE_AIR * tissue)
    apart = (smooth > bright) & ~dilated(surely, _APART_MM / spacing_mm)
    surely = _with_parts(surely, apart, above_air)
    markers = np.zeros(smooth.shape, np.int32)
    markers[ndimage.binary_opening(contrast < _SURELY_AIR * air.noise, iterations=2)] = _OTHER
    markers[(smooth > bright) & ~dilated(surely, _APART_MM / spacing_mm)] = _OTHER
    logarithm = np.log(np.clip(contrast, 0, _SURELY_BREAST * tissue) + _LOG_FLOOR * air.noise)
    slope = np.hypot(*np.gradient(logarithm))
    # Air in a corner that the breast leaves free: faint, flat, at the film's edge but not at the
    # chest wall. The skin is not flat there. Fat between dense parts may look the same.
    inside = above_air & (_hull(surely) | air.fat)
    faint = (contrast < _FAINT * tissue) & (slope < _FLAT) & ~inside
    labels = parts(ndimage.binary_opening(faint, iterations=2))[0]
    at_edge = np.unique(np.concatenate([labels[0], labels[-1], labels[:, -1]]))
    markers[np.isin(labels, at_edge[at_edge > 0])] = _OTHER
    markers[surely] = _BREAST
    mask = watershed(slope, markers) == _BREAST
    # The main part without holes, and without thin lines that hang on it.
    bulk = main_part(opened(mask, 7 / spacing_mm))
    mask = ndimage.binary_fill_holes(main_part(mask & dilated(bulk, 3 / spacing_mm)))
    # Without those of the outermost pixels that are as dark as the air.
    inner = ndimage.binary_erosion(mask, np.ones((3, 3)), border_value=1)
    mask = inner | (mask & (light - air.level > _SKIN_CONTRAST))
    return without_strips(mask, spacing_mm=spacing_mm)


def _with_parts(surely: np.ndarray, apart: np.ndarray, above_air: np.ndarray) -> np.ndarray:
    """What is surely breast, with the bright parts apart from it that tissue joins to it.

    A second gland, or that below a bright pectoral muscle, has tissue all over between itself and
    the rest; between the breast and a label there is air.
    """
    labels, count = parts(apart)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    for label in 1 + np.argsort(-sizes, kind="stable"):
        part = labels == label
        between = _hull(surely | part) & ~surely & ~part
        if above_air[between].sum() >= _BETWEEN * between.sum():
            surely = surely | part
    return surely


def _hull(mask: np.ndarray) -> np.ndarray:
    """The convex hull of a mask that is not empty: (h, w) bool."""
    hull, whole = np.zeros(mask.shape, np.uint8), mask.astype(np.uint8)
    inner = cv2.erode(whole, None, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    corners = cv2.convexHull(cv2.findNonZero(whole - inner))  # of few points
    cv2.fillConvexPoly(hull, corners, 1)
    return hull > 0


def faint_share(mask: np.ndarray, smooth: np.ndarray, air: Air, *, spacing_mm: float) -> float:
    """Share of the skin line, inside the film, across which there is no clear step.

    A clear step: within 2 mm, the inside is on average brighter than the outside by twice the
    noise of the air.
    """
    size = 2 * int(np.ceil(2 / spacing_mm)) + 1
    contrast = ((smooth - air.level) / air.noise).astype(np.float32)
    edge = mask & ~ndimage.binary_erosion(mask, border_value=1)
    means = []
    for side in (mask, ~mask):
        share = cv2.blur(side.astype(np.float32), (size, size))
        means.append(cv2.blur(contrast * side, (size, size)) / np.maximum(share, 1e-6))
    step = (means[0] - means[1])[edge]
    return float(np.mean(step < 2)) if step.size else 0.0
