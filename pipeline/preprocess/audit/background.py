"""What an image tells without its breast: the air beside it, its borders, its size.

A network that learns the label from these has learned where an image comes from. The audit of
shortcuts (`shortcut.py`) looks whether it could.
"""

import numpy as np

from pipeline.preprocess.breast.binary_masks import dilated

# The skin line is uncertain by a few mm, and tissue must not count as background.
CLEARANCE_MM = 6.0
STRIP_MM = 5.0
_SAMPLE_MM = 0.8
_FEWEST_POINTS = 100
_QUANTILES = (1, 10, 50, 90, 99)
_SIDES = ("top", "bottom", "chest", "far")

SIZE_KEYS = ("height_px", "width_px", "aspect", "spacing_mm")
AIR_KEYS = (
    *("air_mean", "air_sd", *(f"air_q{q:02d}" for q in _QUANTILES)),
    *("air_lowest", "air_highest", "air_share_lowest", "air_share_highest"),
    *("air_levels", "air_grain"),
    *(f"{side}_{name}" for side in _SIDES for name in ("mean", "sd")),
)
BACKGROUND_KEYS = (*SIZE_KEYS, *AIR_KEYS, "air_known")


def background_statistics(
    pixels: np.ndarray, breast: np.ndarray, *, spacing_mm: float, mirrored: bool
) -> dict[str, float]:
    """Statistics of what lies further than 6 mm from the breast.

    They are taken from single pixels 0.8 mm apart, not from means, so that noise and the values
    that are exactly the lowest or the highest can be seen.

    Args:
        pixels: (H, W) float32, presentation values in 0..1.
        breast: (h, w) bool, the breast on an image of any smaller size.
        spacing_mm: pixel spacing of `pixels`.
        mirrored: the chest wall is on the right.

    Returns:
        BACKGROUND_KEYS: the size of the image; mean, standard deviation, percentiles, extremes
        and the shares of pixels that have exactly these; distinct values per pixel; median
        difference of neighbours (grain); mean and standard deviation of the strips of 5 mm
        along the sides, those of a strip that is all breast being those of the air. Where the
        breast leaves no air, `air_known` is 0 and AIR_KEYS are 0.
    """
    height, width = pixels.shape
    sizes = (float(height), float(width), width / height, float(spacing_mm))
    known = dict(zip(SIZE_KEYS, sizes, strict=True))
    if mirrored:
        pixels, breast = pixels[:, ::-1], breast[:, ::-1]
    step = max(round(_SAMPLE_MM / spacing_mm), 1)
    rows, cols = np.arange(0, height, step), np.arange(0, width - 1, step)
    sample, beside = pixels[np.ix_(rows, cols)], pixels[np.ix_(rows, cols + 1)]
    cells = (rows / height * len(breast)).astype(int), (cols / width * breast.shape[1]).astype(int)
    air = ~dilated(breast[np.ix_(*cells)], CLEARANCE_MM / step / spacing_mm)
    if air.sum() < _FEWEST_POINTS:
        return known | dict.fromkeys(AIR_KEYS, 0.0) | {"air_known": 0.0}
    values = sample[air].astype(np.float64)
    lowest, highest = values.min(), values.max()
    measured = [values.mean(), values.std(), *np.percentile(values, _QUANTILES), lowest, highest]
    measured += [np.mean(values == lowest), np.mean(values == highest)]
    measured += [len(np.unique(values)) / len(values), np.median(np.abs(values - beside[air]))]
    wide = max(round(STRIP_MM / step / spacing_mm), 1)
    for strip in (np.s_[:wide], np.s_[-wide:], np.s_[:, :wide], np.s_[:, -wide:]):  # as _SIDES
        there = sample[strip][air[strip]].astype(np.float64)
        there = there if len(there) >= _FEWEST_POINTS // 5 else values
        measured += [there.mean(), there.std()]
    return known | dict(zip(AIR_KEYS, map(float, measured), strict=True)) | {"air_known": 1.0}
