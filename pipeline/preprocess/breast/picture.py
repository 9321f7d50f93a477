"""The breast of the store as a picture on the pixels of the DICOM image."""

import cv2
import numpy as np

from pipeline.annotations.geometry import Geometry
from pipeline.preprocess.store.entries import BREAST_CELL_PX

# Takes the steps between cells out of the outline; in cells.
_SMOOTH_CELLS = 0.8


def original_breast(breast: np.ndarray, geometry: Geometry) -> np.ndarray:
    """The breast mask, smoothly interpolated, in rows and columns of the original image.

    Args:
        breast: (ceil(H/8), ceil(W/8)) bool, cells of the standard image, as the store keeps it.
        geometry: how the standard image lies in the original one.

    Returns:
        (original_height, original_width) uint8, 255 in the breast and 0 elsewhere. Nothing
        lies outside the crop box.

    Raises:
        ValueError: the cells are not those of an image of this size.
    """
    expected = tuple(-(-size // BREAST_CELL_PX) for size in (geometry.height, geometry.width))
    if breast.shape != expected:
        raise ValueError(
            f"the breast mask must have {expected[0]} x {expected[1]} cells for an image of "
            f"{geometry.height} x {geometry.width} pixels, not "
            f"{breast.shape[0]} x {breast.shape[1]}"
        )
    cover = cv2.GaussianBlur(
        breast.astype(np.float32) * 255, (0, 0), _SMOOTH_CELLS, borderType=cv2.BORDER_REPLICATE
    )
    height = round(geometry.height * geometry.row_scale)
    width = round(geometry.width * geometry.col_scale)
    # Factors instead of a size keep the scale exact. The last cell may reach out of the box.
    smooth = cv2.resize(
        cover.astype(np.uint8),
        None,
        fx=geometry.col_scale * BREAST_CELL_PX,
        fy=geometry.row_scale * BREAST_CELL_PX,
        interpolation=cv2.INTER_LINEAR,
    )[:height, :width]
    picture = np.zeros((geometry.original_height, geometry.original_width), np.uint8)
    inside = picture[geometry.row0 : geometry.row0 + height, geometry.col0 : geometry.col0 + width]
    smooth = cv2.threshold(smooth, 127, 255, cv2.THRESH_BINARY)[1]
    inside[:] = cv2.flip(smooth, 1) if geometry.flipped else smooth
    return picture
