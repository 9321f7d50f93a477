"""Pictures that are not DICOM: their grey values, and the DICOM files that are made of them."""

import contextlib
import struct
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from pipeline.dicom.known_words import without_values
from pipeline.dicom.mammogram import pixel_sha256
from pipeline.dicom.unusable import one_line
from pipeline.dicom.write import wrap_as_dicom
from pipeline.ingest.catalog_builder import CatalogBuilder
from pipeline.ingest.headers import within_limits
from pipeline.ingest.importers import Called, Request, as_it_is
from pipeline.ingest.source_files import SourceFile
from pipeline.run.checksum import value_sha256
from pipeline.run.map_images import Lost

LOSSLESS = (".png", ".tif", ".tiff", ".pgm")
LOSSY = (".jpg", ".jpeg")
NO_LOSSY = "a picture with lossy compression; take PNG or TIFF"
PICTURES_FOR_A_WORKER = 20  # wrapped in the time that another one takes to start
# What Pillow raises on headers that are damaged, or of more pixels than it would decode.
_DAMAGED = (
    *(ArithmeticError, LookupError, OSError, SyntaxError, TypeError, ValueError, struct.error),
    Image.DecompressionBombError,
)
_OF_CONTENT = 12  # hexadecimal digits that tell the pictures of one name apart
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


def picture_size(path: Path) -> tuple[int, int] | None:
    """Rows and columns as the picture's header says; None where it says none."""
    with warnings.catch_warnings(), contextlib.suppress(*_DAMAGED):
        warnings.simplefilter("ignore")  # of many pixels, which nobody decodes here
        with Image.open(path) as picture:
            return picture.height, picture.width
    return None


def add_pictures(
    builder: CatalogBuilder, pictures: Sequence[Picture], request: Request, *, called: Called
) -> None:
    """Wrap and add pictures, as `wrap_pictures` and `add_picture` do."""
    for picture, end in zip(pictures, wrap_pictures(pictures, request, called=called), strict=True):
        add_picture(builder, picture, end)


def wrap_pictures(
    pictures: Sequence[Picture], request: Request, *, called: Called = as_it_is
) -> Iterator[Path | str]:
    """The DICOM file of each picture, or why there is none.

    It is called after the image and what it holds: two data sets whose pictures have the same
    names, or one that has changed, have files of their own, and no run gets those of another.

    A decoder may crash or take all memory on a damaged picture: each is decoded in a worker process
    within the limits of the request, which may have none. A file that is there already is left.

    Args:
        called: what its image and its patient are called in the file.
    """
    jobs = [_wrapping(picture, request.wrapped, called) for picture in pictures]
    for end in within_limits(
        request.limits,
        _wrap,
        jobs,
        for_a_worker=PICTURES_FOR_A_WORKER,
        title="wrapping as DICOM",
    ):
        yield end.reason if isinstance(end, Lost) else end


@dataclass(frozen=True)
class _Wrapping:
    read: Callable[[], np.ndarray]
    folder: Path
    said: dict


def _wrapping(picture: Picture, folder: Path, called: Called) -> _Wrapping:
    said = {name: picture.image[name] for name in _IN_DICOM}
    said |= {f"{kind}_id": called(kind, said[f"{kind}_id"]) for kind in ("image", "patient")}
    return _Wrapping(picture.read, folder, said)


def _wrap(job: _Wrapping) -> Path | str:
    try:
        pixels = job.read()
        holds = value_sha256([job.said, pixel_sha256(pixels)])
        path = job.folder / f"{job.said['image_id']}-{holds[:_OF_CONTENT]}.dcm"
        wrap_as_dicom(pixels, path, **job.said)
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
