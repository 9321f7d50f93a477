"""Pictures that are not DICOM: their grey values, and the DICOM files that are made of them."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np

from pipeline.dicom.write import wrap_as_dicom
from pipeline.run.progress import shown

LOSSLESS = (".png", ".tif", ".tiff", ".pgm")
LOSSY = (".jpg", ".jpeg")
NO_LOSSY = "a picture with lossy compression; take PNG or TIFF"


def read_picture(path: Path) -> np.ndarray:
    """Grey values of a PNG, TIFF or PGM file, (H, W) uint8 or uint16.

    Raises:
        ValueError: not a picture, or not a grey one of 8 or 16 bit.
    """
    encoded = np.fromfile(path, np.uint8)
    try:
        pixels = cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED) if encoded.size else None
    except cv2.error as error:  # more pixels than OpenCV allows
        raise ValueError(f"cannot be decoded: {error.err}") from error
    if pixels is None:
        raise ValueError("cannot be decoded as a picture")
    if pixels.ndim == 3:
        grey = pixels[..., 0]  # grey stored as colour
        if not (pixels[..., :3] == grey[..., None]).all():
            raise ValueError("is a colour picture")
        pixels = grey
    if pixels.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"must have 8 or 16 bit, not {pixels.dtype}")
    return pixels


def wrap_picture(pixels: np.ndarray, folder: Path, image: Mapping) -> Path:
    """Write the DICOM file of an image; one that is there already is left alone.

    Args:
        pixels: (H, W) uint8 or uint16, dense tissue bright.
        image: its columns of the catalog.

    Returns:
        The file: its image_id in `folder`.
    """
    path = folder / f"{image['image_id']}.dcm"
    names = ("image_id", "patient_id", "laterality", "view", "spacing_mm")
    wrap_as_dicom(pixels, path, **{name: image[name] for name in names})
    return path


def wrap_pictures(
    readers: Sequence[Callable[[], np.ndarray]], folder: Path, images: Sequence[Mapping]
) -> Iterator[Path | str]:
    """Read the pictures and write their DICOM files, on all cores.

    Args:
        readers: give the grey values of each picture, as `read_picture` does.
        images: their columns of the catalog.

    Yields:
        For each picture in order its DICOM file, or why there is none.
    """

    def wrap(read: Callable[[], np.ndarray], image: Mapping) -> Path | str:
        try:
            return wrap_picture(read(), folder, image)
        except (ValueError, OSError) as error:
            return str(error)

    if images:
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:  # codecs run in parallel
            done = pool.map(wrap, readers, images)
            yield from shown(done, len(images), "wrapping as DICOM")
