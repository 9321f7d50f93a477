"""Outlines that come as an image of the size of the mammogram: the mask of a finding."""

from pathlib import Path

import cv2
import numpy as np
from pydicom.dataset import Dataset
from pydicom.pixels import pixel_array

from pipeline.dicom.opening import DICOM_ERRORS, is_dicom, read_dicom
from pipeline.dicom.plugin import NAME
from pipeline.dicom.values import number

# Straight pieces replace the steps of a contour while no point moves further, in pixels: less
# than the half pixel by which a mask leaves its outline open, at a thirtieth of the points.
_SIMPLIFY_PX = 0.5
_ASPECT_TOLERANCE = 0.01

_MOST_PIXELS = 150_000_000  # nothing larger is decoded


class NoOutline(ValueError):
    """Why a finding has no usable outline."""


def mask_polygons(path: Path, *, height: int, width: int) -> list[list[list[float]]]:
    """The outer contours of a mask, one per connected part; holes count as inside.

    Args:
        path: DICOM file, or an image that OpenCV reads.
        height, width: size of the mammogram in pixels. A mask of another size is resized
            (nearest) where its aspect ratio agrees within 1 %.

    Returns:
        Polygons of [row, col] through pixel centres.

    Raises:
        NoOutline: the file is no mask of this mammogram.
    """
    mask = _two_valued(read_mask(path), path)
    if mask.shape != (height, width):
        mask = _resized(mask, path, height=height, width=width)
    return contours(mask)


def contours(mask: np.ndarray) -> list[list[list[float]]]:
    """Outer contours of a bool image as polygons of [row, col] through pixel centres.

    Example:
        >>> contours(np.ones((3, 2), bool))
        [[[0.0, 0.0], [2.0, 0.0], [2.0, 1.0], [0.0, 1.0]]]
    """
    found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    simple = [cv2.approxPolyDP(contour, _SIMPLIFY_PX, closed=True) for contour in found]
    polygons = [curve[:, 0, ::-1].astype(float).tolist() for curve in simple]
    return sorted(polygons)


def read_mask(path: Path) -> np.ndarray:
    """The pixels of a mask file, (H, W).

    Raises:
        NoOutline: the file is missing or cannot be decoded.
    """
    try:
        pixels = _read_dicom(path) if is_dicom(path) else _read_picture(path.read_bytes())
    except OSError as error:
        raise NoOutline(f"mask {path} cannot be read: {error.strerror or error}") from error
    if pixels is None or pixels.ndim != 2:
        raise NoOutline(f"mask {path} must be a grey image or a DICOM file with one frame")
    return pixels


def _read_dicom(path: Path) -> np.ndarray:
    try:
        if _pixels(read_dicom(path, header_only=True)) > _MOST_PIXELS:
            raise ValueError(f"it has more than {_MOST_PIXELS:,} pixels")
        dataset = read_dicom(path, header_only=False, max_bytes=4 * _MOST_PIXELS)
        return pixel_array(dataset, raw=True, decoding_plugin=NAME)
    except DICOM_ERRORS as error:
        raise NoOutline(f"mask {path} cannot be decoded: {error}") from error


def _pixels(header: Dataset) -> float:
    """How many there are in all frames, 0 where the header does not say."""
    keywords = ("Rows", "Columns", "NumberOfFrames", "SamplesPerPixel")
    sizes = [number(header, keyword) for keyword in keywords]
    return (sizes[0] or 0) * (sizes[1] or 0) * (sizes[2] or 1) * (sizes[3] or 1)


def _read_picture(data: bytes) -> np.ndarray | None:
    if not data:
        return None
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is not None and pixels.ndim == 3:  # a grey image stored as colour
        pixels = pixels[..., :3].max(axis=2)
    return pixels


def _two_valued(pixels: np.ndarray, path: Path) -> np.ndarray:
    low, high = pixels.min(), pixels.max()
    if low == high:
        raise NoOutline(f"mask {path} outlines nothing: all its pixels are {low}")
    inside = pixels == high
    if not np.all(inside | (pixels == low)):
        raise NoOutline(f"mask {path} must have two values, not grey levels")
    return inside


def _resized(mask: np.ndarray, path: Path, *, height: int, width: int) -> np.ndarray:
    own, wanted = mask.shape[0] / mask.shape[1], height / width
    if abs(own / wanted - 1) > _ASPECT_TOLERANCE:
        raise NoOutline(
            f"mask {path} has {mask.shape[0]} x {mask.shape[1]} pixels: its aspect ratio differs "
            f"from that of the image, {height} x {width}, by more than 1 %"
        )
    resized = cv2.resize(mask.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    return resized.astype(bool)
