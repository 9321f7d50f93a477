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
        own = self.bottom - self.top, self.right - self.left
        scale = min(height / own[0], width / own[1])
        return max(1, round(scale * own[0])), max(1, round(scale * own[1]))


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
    index = (
        # Fractional index of the pixels' centres on an even axis, rising or falling.
        (start + (np.arange(count) + 0.5) * (end - start) / count - axis[0]) / (axis[1] - axis[0])
        for start, end, count, axis in (
            (field.top, field.bottom, shape[0], image_map.rows),
            (field.left, field.right, shape[1], image_map.cols),
        )
    )
    rows, cols = np.meshgrid(*(axis.astype(np.float32) for axis in index), indexing="ij")
    filled = np.nan_to_num(values).astype(np.float32)
    return cv2.remap(filled, cols, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
