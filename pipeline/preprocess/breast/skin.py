"""The skin line, on a film whose chest wall is on the left.

It is a watershed (10.1109/34.87344) of the gradient of log contrast to the air, between what is
surely breast and what is surely air, a label or a white edge. The logarithm makes the first rise
above the noise of the air the steepest: the uncompressed rim stays in, however bright the gland.
What glows beside the breast stays out, because the skin between them is steeper than the far
side of the glow.
"""

import cv2
import numpy as np
from scipy import ndimage
from skimage.segmentation import watershed

from pipeline.preprocess.breast.air import Air
from pipeline.preprocess.breast.binary_masks import dilated, main_part, opened, part_of
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
    markers = np.zeros(smooth.shape, np.int32)
    markers[ndimage.binary_opening(contrast < _SURELY_AIR * air.noise, iterations=2)] = _OTHER
    markers[(smooth > bright) & ~dilated(surely, 8 / spacing_mm)] = _OTHER
    logarithm = np.log(np.clip(contrast, 0, _SURELY_BREAST * tissue) + _LOG_FLOOR * air.noise)
    slope = np.hypot(*np.gradient(logarithm))
    markers[_glowing_air(contrast, slope, tissue)] = _OTHER
    markers[surely] = _BREAST
    mask = watershed(slope, markers) == _BREAST
    mask = _tight(_compact(mask, spacing_mm), light - air.level)
    return without_strips(mask, spacing_mm=spacing_mm)


def _glowing_air(contrast: np.ndarray, slope: np.ndarray, tissue: float) -> np.ndarray:
    """Faint, flat parts at the film's edge: air in a corner that the breast leaves free.

    The skin is not flat there. The side of the chest wall is not looked at.
    """
    faint = (contrast < _FAINT * tissue) & (slope < _FLAT)
    labels, _ = ndimage.label(ndimage.binary_opening(faint, iterations=2))
    at_edge = np.unique(np.concatenate([labels[0], labels[-1], labels[:, -1]]))
    return np.isin(labels, at_edge[at_edge > 0])


def _compact(mask: np.ndarray, spacing_mm: float) -> np.ndarray:
    """The main part without holes and without thin lines that hang on it."""
    bulk = main_part(opened(mask, 7 / spacing_mm))
    return ndimage.binary_fill_holes(main_part(mask & dilated(bulk, 3 / spacing_mm)))


def _tight(mask: np.ndarray, contrast: np.ndarray) -> np.ndarray:
    """Without those of the outermost pixels that are as dark as the air."""
    inner = ndimage.binary_erosion(mask, np.ones((3, 3)), border_value=1)
    return inner | (mask & (contrast > _SKIN_CONTRAST))


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
