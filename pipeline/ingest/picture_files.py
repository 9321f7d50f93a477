"""Pictures that are not DICOM: their grey values, and the DICOM files that are made of them."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from pipeline.dicom.known_words import without_values
from pipeline.dicom.unusable import one_line
from pipeline.dicom.write import wrap_as_dicom
from pipeline.ingest.catalog_builder import CatalogBuilder
from pipeline.ingest.importers import Called, as_it_is
from pipeline.ingest.source_files import SourceFile
from pipeline.run.progress import shown

LOSSLESS = (".png", ".tif", ".tiff", ".pgm")
LOSSY = (".jpg", ".jpeg")
NO_LOSSY = "a picture with lossy compression; take PNG or TIFF"
_IN_DICOM = ("image_id", "patient_id", "laterality", "view", "spacing_mm")


@dataclass(frozen=True)
class Picture:
    """A picture that shall become an image of the catalog."""

    file: SourceFile
    read: Callable[[], np.ndarray]  # (H, W) uint8 or uint16, dense tissue bright; or ValueError
    image: dict  # its columns of the catalog
    findings: Sequence[dict] = ()  # the columns of its findings
    remarks: Sequence[str] = ()  # what the user should know about it


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


def add_pictures(
    builder: CatalogBuilder, pictures: Sequence[Picture], folder: Path, *, called: Called = as_it_is
) -> None:
    """Wrap and add pictures on all cores, as `wrap_picture` and `add_picture` do."""
    if not pictures:
        return
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:  # codecs run in parallel
        done = pool.map(partial(wrap_picture, folder=folder, called=called), pictures)
        ends = shown(done, len(pictures), "wrapping as DICOM")
        for picture, end in zip(pictures, ends, strict=True):
            add_picture(builder, picture, end)


def wrap_picture(picture: Picture, folder: Path, *, called: Called = as_it_is) -> Path | str:
    """The DICOM file of a picture in `folder`, or why there is none.

    One that is there already is left alone.

    Args:
        called: what its image and its patient are called in the file.
    """
    said = {name: picture.image[name] for name in _IN_DICOM}
    said |= {f"{kind}_id": called(kind, said[f"{kind}_id"]) for kind in ("image", "patient")}
    path = folder / f"{said['image_id']}.dcm"
    try:
        wrap_as_dicom(picture.read(), path, **said)
    except (ValueError, OSError) as error:
        return without_values(one_line(error))
    return path


def add_picture(builder: CatalogBuilder, picture: Picture, wrapped: Path | str) -> bool:
    """Add a picture and its findings; False where it fails, for the reason that `wrapped` is."""
    if isinstance(wrapped, str):
        builder.fail(picture.file, wrapped)
        return False
    known = {"remarks": picture.remarks, "findings": picture.findings, **picture.image}
    builder.add_image(picture.file, dicom=wrapped, **known)
    return True
