"""The part of the original image that a picture shows, and what lies on each of its pixels."""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import binary_dilation

from pipeline.annotations.geometry import Geometry
from pipeline.model.image_map import ImageMap
from pipeline.preprocess.store.entries import BREAST_CELL_PX, network_input


@dataclass(frozen=True)
class Field:
    """The breast box: outer edges in original pixels (centres at integers), as displayed."""

    top: float
    bottom: float
    left: float
    right: float

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """For imshow: left, right, bottom, top."""
        return self.left, self.right, self.bottom, self.top

    def shape_px(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of a picture that fits into height x width and is not stretched."""
        scale = min(height / (self.bottom - self.top), width / (self.right - self.left))
        return (
            max(1, round(scale * (self.bottom - self.top))),
            max(1, round(scale * (self.right - self.left))),
        )


def field_of(geometry: Geometry) -> Field:
    """The field of a standardised mammogram in its original image."""
    rows, cols = geometry.to_original(
        np.array([-0.5, geometry.height - 0.5]), np.array([-0.5, geometry.width - 0.5])
    )
    return Field(rows.min(), rows.max(), cols.min(), cols.max())


def grey_picture(
    image: np.ndarray, breast: np.ndarray, shape: tuple[int, int], *, flipped: bool
) -> np.ndarray:
    """A standardised mammogram at the size of a picture, oriented like the original.

    Black outside the breast, where film labels may name the patient.

    Args:
        image: (H, W) uint16.
        breast: (ceil(H/8), ceil(W/8)) bool, cells of 8 x 8 pixels.
        shape: rows and columns of the picture.
        flipped: whether standardising mirrored the image.

    Returns:
        float32 of `shape` in [0, 1].
    """
    small = cv2.resize(image, shape[::-1], interpolation=cv2.INTER_AREA)
    rows, cols = (
        ((np.arange(count) + 0.5) * size / count).astype(np.int64) // BREAST_CELL_PX
        for count, size in zip(shape, image.shape, strict=True)
    )
    # One cell more, so that the skin line is whole.
    shown = binary_dilation(breast)[np.ix_(rows, cols)]
    upright = np.where(shown, small, 0)[:, :: -1 if flipped else 1]
    return network_input(upright)


def on_picture(
    values: np.ndarray, image_map: ImageMap, field: Field, shape: tuple[int, int]
) -> np.ndarray:
    """Interpolate values at the map's positions for each pixel of a picture; NaN counts as 0.

    Args:
        values: (h, w) at the positions of `image_map`.
        shape: rows and columns of the picture, which shows `field`.

    Returns:
        float32 of `shape`.
    """
    rows = _pixel_centres(field.top, field.bottom, shape[0])
    cols = _pixel_centres(field.left, field.right, shape[1])
    row_index, col_index = np.meshgrid(
        _index(rows, image_map.rows), _index(cols, image_map.cols), indexing="ij"
    )
    filled = np.nan_to_num(values).astype(np.float32)
    return cv2.remap(
        filled, col_index, row_index, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


def _pixel_centres(start: float, end: float, count: int) -> np.ndarray:
    return start + (np.arange(count) + 0.5) * (end - start) / count


def _index(places: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """Fractional index of places on an even axis, rising or falling."""
    return ((places - axis[0]) / (axis[1] - axis[0])).astype(np.float32)
