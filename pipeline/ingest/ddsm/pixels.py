"""The grey values of pictures, and their DICOM files."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import imagecodecs
import numpy as np

from pipeline.dicom.codecs import stream_info
from pipeline.dicom.wrap import wrap_as_dicom
from pipeline.run.progress import shown

LOSSLESS = (".png", ".tif", ".tiff", ".pgm")
LOSSY = (".jpg", ".jpeg")
NO_LOSSY = "a picture with lossy compression; take PNG or TIFF"
CONVERT = "convert the film to PNG or TIFF of 16 bit with the software of DDSM"


@dataclass(frozen=True)
class Picture:
    """A picture and what its DICOM file shall say.

    Attributes:
        size: (height, width) that it must have; None: any.
        bits: grey values of an LJPEG file must lie below 2^bits; None: any.
    """

    path: Path
    target: Path
    image_id: str
    patient_id: str
    laterality: str
    view: str
    spacing_mm: float | None
    size: tuple[int, int] | None = None
    bits: int | None = None

    @property
    def names(self) -> dict:
        """What both the DICOM file and the catalog say of it."""
        names = ("image_id", "patient_id", "laterality", "view", "spacing_mm")
        return {name: getattr(self, name) for name in names}


def wrap_all(pictures: Sequence[Picture]) -> Iterator[str]:
    """Write the DICOM file of each picture, on all cores.

    Yields:
        For each picture in order why it failed, "" where it did not.
    """
    if not pictures:
        return
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:  # the codecs run in parallel
        yield from shown(pool.map(_wrap, pictures), len(pictures), "wrapping as DICOM")


def read_pixels(path: Path, *, size: tuple[int, int] | None, bits: int | None) -> np.ndarray:
    """Grey values of a PNG, TIFF, PGM or LJPEG file, (H, W) uint8 or uint16.

    LJPEG files are JPEG Lossless (ITU-T T.81); some name width and height the wrong way round,
    so their size is `size`.

    Raises:
        ValueError: not such a picture, or not of the size and depth that it should have.
    """
    if path.suffix.lower() == ".ljpeg":
        return _read_ljpeg(path, size, bits)
    pixels = _read_picture(path)
    if size is not None and pixels.shape != size:
        raise ValueError(f"has {_size(pixels.shape)} pixels and not {_size(size)} as its .ics says")
    return pixels


def _wrap(picture: Picture) -> str:
    try:
        pixels = read_pixels(picture.path, size=picture.size, bits=picture.bits)
    except (ValueError, OSError) as error:
        return str(error)
    wrap_as_dicom(pixels, picture.target, **picture.names)
    return ""


def _read_ljpeg(path: Path, size: tuple[int, int] | None, bits: int | None) -> np.ndarray:
    data = path.read_bytes()
    try:
        info = stream_info(data)
        if info is None or info.codec != "JPEG lossless" or info.components != 1:
            raise ValueError("is no JPEG lossless stream")
        if size is not None and info.height * info.width != size[0] * size[1]:
            raise ValueError(f"has {info.height} x {info.width} pixels, unlike its .ics")
        pixels = imagecodecs.ljpeg_decode(data)
        if bits is not None and pixels.max() >= 1 << bits:
            raise ValueError(f"decodes to more than {bits} bits")
    except (ValueError, RuntimeError) as error:
        raise ValueError(f"{error}; {CONVERT}") from error
    return pixels if size is None else pixels.reshape(size)


def _read_picture(path: Path) -> np.ndarray:
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


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
