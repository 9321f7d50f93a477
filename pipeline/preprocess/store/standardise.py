"""A decoded mammogram in its standard form: oriented, cropped, one spacing, 16 bit.

Training and heatmaps use this one function.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy import ndimage

from pipeline.annotations.geometry import Geometry
from pipeline.config import ImageSettings
from pipeline.dicom.mammogram import Mammogram, Unusable
from pipeline.dicom.percentiles import percentiles
from pipeline.preprocess.audit.background import background_statistics
from pipeline.preprocess.breast.binary_masks import dilated
from pipeline.preprocess.breast.film import film_edges
from pipeline.preprocess.breast.finder import WORK_SPACING_MM, Breast, Side, find_breast, normalised
from pipeline.preprocess.breast.pectoral import find_pectoral
from pipeline.preprocess.store.entries import BREAST_CELL_PX, WHITE

MARGIN_MM = 5.0
# Around the breast so much of the image stays, so that the skin line does.
SKIN_MM = 3.0
SMALLEST_BREAST_MM2 = 300.0
_SMALLEST_SIDE_PX = 24
# Between a tenth and nine tenths of the breast lies so much of its grey scale: at least 0.24 of
# 216 films of mini-MIAS, next to nothing of a mask.
_LEAST_SPREAD = 0.02
_EVERY = 61  # value is enough to see that, no divisor of usual sizes


@dataclass(frozen=True)
class Standard:
    """A standardised mammogram."""

    image: np.ndarray  # (H, W) uint16; 0 outside the breast and its skin
    breast: np.ndarray  # (ceil(H/8), ceil(W/8)) bool, cell (i, j) covers pixels 8i..8i+7, 8j..8j+7
    geometry: Geometry  # how it lies in the original image
    breast_mm2: float  # area of the breast, in mm2
    # low, high: grey values of the original that became 0 and 65535
    low: float
    high: float
    background: dict[str, float]  # what the original tells without its breast, see `background.py`
    notes: tuple[str, ...]  # doubts about the breast
    lost: tuple[str, ...]  # those of them that say that a part of it may be lost


def standardise(mammogram: Mammogram, image: ImageSettings) -> Standard:
    """Bring a mammogram into the standard form; the chest wall comes to lie on the left.

    Raises:
        Unusable: failed, there is no breast to be seen.
    """
    pixels = _without_padding(mammogram)
    step = max(WORK_SPACING_MM / mammogram.spacing_mm, 1.0)
    small = resized(pixels, [max(round(size / step), 1) for size in pixels.shape])
    if min(small.shape) < _SMALLEST_SIDE_PX:
        size = " x ".join(f"{side * mammogram.spacing_mm:.0f}" for side in pixels.shape)
        raise Unusable(
            "failed",
            f"no breast in it: it measures {size} mm, with pixels of {mammogram.spacing_mm:g} mm "
            f"({mammogram.spacing_source})",
        )
    if small.min() == small.max():
        raise Unusable("failed", f"no breast in it: one grey value{_padded(mammogram)}")
    small_mm = mammogram.spacing_mm * step
    found = find_breast(small, spacing_mm=small_mm, laterality=mammogram.laterality)
    mask, notes = found.mask, found.notes
    if image.remove_pectoral and mammogram.view == "MLO":
        mask, without = _without_pectoral(found, small, small_mm)
        notes = (*notes, *without)
    breast_mm2 = float(mask.mean()) * pixels.size * mammogram.spacing_mm**2
    if breast_mm2 < SMALLEST_BREAST_MM2:
        largest = f"the largest part has {breast_mm2:.0f} mm2"
        raise Unusable("failed", f"no breast found, {largest}{_padded(mammogram)}")
    geometry = _geometry(
        mask,
        film_edges(pixels, found.mask, found.film),
        pixels.shape,
        spacing_mm=mammogram.spacing_mm,
        target_mm=image.spacing_mm,
        flipped=found.chest_wall is Side.RIGHT,
    )
    grey = _cut(pixels, geometry)
    breast = _breast_cells(mask, geometry)
    inside = grey[_enlarged(breast, grey.shape)]
    low, high = map(float, percentiles(inside, [image.low_percentile, image.high_percentile]))
    if not high > low:
        raise Unusable("failed", "the breast has one grey value only")
    tenth, ninetieth = np.percentile(inside[::_EVERY], [10, 90])
    if ninetieth - tenth < _LEAST_SPREAD * (high - low):
        raise Unusable(
            "failed",
            "the breast has hardly more than one grey value: is it a mask, or does its window show "
            "nothing (dicom.window)?",
        )
    grey = (grey - low) * (WHITE / (high - low))
    grey += 0.5
    scaled = np.clip(grey, 0, WHITE, out=grey).astype(np.uint16)
    with_skin = dilated(breast, SKIN_MM / (BREAST_CELL_PX * geometry.spacing_mm))
    scaled[~_enlarged(with_skin, scaled.shape)] = 0
    background = background_statistics(
        pixels, found.mask, spacing_mm=mammogram.spacing_mm, mirrored=geometry.flipped
    )
    return Standard(scaled, breast, geometry, breast_mm2, low, high, background, notes, found.lost)


def _padded(mammogram: Mammogram) -> str:
    """What Pixel Padding Value takes, which may be all of the breast; "" where it takes nothing."""
    share = 0.0 if mammogram.valid is None else 1 - float(mammogram.valid.mean())
    return f"; by its header {share:.0%} of it is padding" if share else ""


def _without_pectoral(
    found: Breast, small: np.ndarray, spacing_mm: float
) -> tuple[np.ndarray, tuple[str, ...]]:
    """The breast without the muscle, and a note where none was found."""
    turn = np.s_[:, ::-1] if found.chest_wall is Side.RIGHT else np.s_[:]
    light, breast = (part[found.film][turn] for part in (normalised(small), found.mask))
    muscle = find_pectoral(light, breast, spacing_mm=spacing_mm)
    if muscle is None:
        return found.mask, ("pectoral muscle not found",)
    mask = found.mask.copy()
    mask[found.film] &= ~muscle[turn]
    return mask, ()


def _without_padding(mammogram: Mammogram) -> np.ndarray:
    """The grey values, with padding as dark as the darkest pixel."""
    if mammogram.valid is None:
        return mammogram.pixels
    if not mammogram.valid.any():
        raise Unusable("failed", "all pixels are padding")
    darkest = mammogram.pixels[mammogram.valid].min()
    return np.where(mammogram.valid, mammogram.pixels, darkest)


def _geometry(
    mask: np.ndarray,
    film: tuple[slice, slice],
    shape: tuple[int, int],
    *,
    spacing_mm: float,
    target_mm: float,
    flipped: bool,
) -> Geometry:
    """The box around the breast with a margin, clipped to the film, and its standard size."""
    starts, sizes = [], []
    for axis in (0, 1):
        filled = np.flatnonzero(mask.any(axis=1 - axis))
        per_cell = shape[axis] / mask.shape[axis]
        margin = MARGIN_MM / spacing_mm
        start = max(int(np.floor(filled[0] * per_cell - margin)), film[axis].start)
        stop = min(int(np.ceil((filled[-1] + 1) * per_cell + margin)), film[axis].stop)
        starts.append(start)
        sizes.append(stop - start)
    height, width = (max(round(size * spacing_mm / target_mm), 1) for size in sizes)
    return Geometry(
        original_height=shape[0],
        original_width=shape[1],
        height=height,
        width=width,
        row0=starts[0],
        col0=starts[1],
        row_scale=sizes[0] / height,
        col_scale=sizes[1] / width,
        flipped=flipped,
        spacing_mm=target_mm,
    )


def _cut(pixels: np.ndarray, geometry: Geometry) -> np.ndarray:
    """The box of the original, resampled and mirrored: (height, width) float32."""
    rows, cols = geometry.box
    grey = resized(pixels[rows, cols], (geometry.height, geometry.width))
    return grey[:, ::-1] if geometry.flipped else grey


def resized(pixels: np.ndarray, shape: tuple[int, int] | list[int]) -> np.ndarray:
    """Resample to (height, width): means of areas when shrinking, cubic when enlarging."""
    method = cv2.INTER_AREA if shape[0] < pixels.shape[0] else cv2.INTER_CUBIC
    return cv2.resize(pixels, (shape[1], shape[0]), interpolation=method)


def _breast_cells(mask: np.ndarray, geometry: Geometry) -> np.ndarray:
    """The mask looked up at the centres of the cells of the standard image."""
    centres = []
    for size in (geometry.height, geometry.width):
        starts = np.arange(0, size, BREAST_CELL_PX)  # the last cell may be cut
        centres.append((starts + np.minimum(starts + BREAST_CELL_PX, size) - 1) / 2)
    sizes = (geometry.original_height, geometry.original_width)
    small = [
        (points + 0.5) * (cells / size) - 0.5
        for points, cells, size in zip(
            geometry.to_original(*centres), mask.shape, sizes, strict=True
        )
    ]
    grid = np.meshgrid(*small, indexing="ij")
    return ndimage.map_coordinates(mask.astype(np.float32), grid, order=1, mode="nearest") > 0.5


def _enlarged(breast: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Cells to pixels, with smooth edges: (H, W) bool."""
    size = breast.shape[1] * BREAST_CELL_PX, breast.shape[0] * BREAST_CELL_PX
    smooth = cv2.resize(breast.astype(np.uint8) * 255, size, interpolation=cv2.INTER_LINEAR)
    return smooth[: shape[0], : shape[1]] > 127
