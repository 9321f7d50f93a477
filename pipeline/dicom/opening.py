"""Opening files that may or may not be DICOM, with bounded memory."""

import io
import struct
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import read_dataset
from pydicom.uid import UID

from pipeline.dicom.encoding import (
    begins_with_element,
    encoding,
    inflated,
    is_deflated,
    read_meta,
)
from pipeline.dicom.plugin import register_decoders

# What pydicom raises on a file that is cut off or wrong.
DICOM_ERRORS = (
    ArithmeticError,
    AttributeError,
    BytesLengthException,
    EOFError,
    InvalidDicomError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RuntimeError,  # of the decoders, and RecursionError
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
HEADER_BYTES = 16 * 2**20
_PIXEL_KEYWORDS = {
    0x7FE00008: "FloatPixelData",
    0x7FE00009: "DoubleFloatPixelData",
    0x7FE00010: "PixelData",
}
# Implicit little endian, but for the pixels.
_GE_BIG_ENDIAN_PIXELS = "1.2.840.113619.5.2"
_UNDEFINED_LENGTH = 0xFFFFFFFF


@dataclass(frozen=True)
class PixelElement:
    """The pixels of an open file, not read yet.

    Attributes:
        stream: the file, or what it inflates to.
        keyword: PixelData, FloatPixelData or DoubleFloatPixelData.
        vr: value representation; None in implicit files, which are OW.
        start: position of the value in the stream, in bytes.
        length: as stated, in bytes; None where it is undefined, for encapsulated pixels.
        little_endian: byte order of the pixels.
    """

    stream: BinaryIO
    keyword: str
    vr: str | None
    start: int
    length: int | None
    little_endian: bool

    def available(self) -> int:
        """Bytes of the value that are there."""
        left = self.stream.seek(0, io.SEEK_END) - self.start
        return left if self.length is None else min(self.length, left)

    def read(self, offset: int, count: int) -> bytes:
        """`count` bytes from `offset`, or as many as there are."""
        there = max(min(count, self.available() - offset), 0)
        self.stream.seek(self.start + offset)
        return self.stream.read(there)


def is_dicom(path: Path) -> bool:
    """Whether a file begins like DICOM, with or without the preamble of PS3.10."""
    with path.open("rb") as stream:
        start = stream.read(132)
    return start[128:132] == b"DICM" or begins_with_element(start)


def read_dicom(
    path: Path,
    *,
    header_only: bool,
    tags: Sequence[str | int] | None = None,
    max_bytes: int = HEADER_BYTES,
) -> Dataset:
    """Read a file for which `is_dicom` holds.

    Args:
        header_only: stop before the pixels. Of a file read whole, `pixel_array` decodes them.
        tags: the elements wanted, by keyword or number; all if None.
        max_bytes: limit of a deflated data set after inflating; a header is cut there.

    Raises:
        One of DICOM_ERRORS: the file is cut off or wrong, or inflates to more than max_bytes.
    """
    if not header_only:
        register_decoders()
    with open_dicom(path, tags=tags, max_bytes=max_bytes, cut=header_only) as (dataset, pixels):
        if pixels is not None and not header_only:
            dataset.update(read_dataset(pixels.stream, *dataset.original_encoding))
    return dataset


@contextmanager
def open_dicom(
    path: Path,
    *,
    tags: Sequence[str | int] | None = None,
    max_bytes: int = HEADER_BYTES,
    cut: bool = False,
) -> Iterator[tuple[Dataset, PixelElement | None]]:
    """Open a file for which `is_dicom` holds: its header, and where its pixels are.

    Args:
        tags: the elements wanted, by keyword or number; all if None. Others are passed over
            unread, so that the memory of a header is bounded.
        max_bytes: limit of a deflated data set after inflating.
        cut: read what is there up to that limit, instead of an error.

    Raises:
        One of DICOM_ERRORS: the file is cut off or wrong, or inflates to more than max_bytes.
    """
    with path.open("rb") as file:
        meta = read_meta(file)
        stream = inflated(file, max_bytes, cut) if is_deflated(file, meta) else file
        yield _open_data(stream, meta, tags)


def _open_data(
    stream: BinaryIO, meta: FileMetaDataset, tags: Sequence[str | int] | None
) -> tuple[Dataset, PixelElement | None]:
    implicit, little_endian = encoding(stream)
    syntax = str(meta.get("TransferSyntaxUID", ""))
    _compare_with_label(syntax, implicit, little_endian)
    found: list[PixelElement] = []

    def at_pixels(tag: int, vr: str | None, length: int) -> bool:
        if tag not in _PIXEL_KEYWORDS:
            return False
        found.append(
            PixelElement(
                stream=stream,
                keyword=_PIXEL_KEYWORDS[tag],
                vr=vr,
                start=stream.tell(),
                length=None if length == _UNDEFINED_LENGTH else length,
                little_endian=little_endian and syntax != _GE_BIG_ENDIAN_PIXELS,
            )
        )
        return True

    wanted = None if tags is None else [_tag(tag) for tag in tags]
    header = read_dataset(
        stream, implicit, little_endian, stop_when=at_pixels, specific_tags=wanted
    )
    header.file_meta = meta
    return header, found[-1] if found else None


def _compare_with_label(syntax: str, implicit: bool, little_endian: bool) -> None:
    label = UID(syntax)
    if not label.is_transfer_syntax or label.is_private:
        return
    if (label.is_implicit_VR, label.is_little_endian) != (implicit, little_endian):
        found = f"{'im' if implicit else 'ex'}plicit {'little' if little_endian else 'big'} endian"
        warnings.warn(f"labelled {label.name}, is {found}", stacklevel=2)


def _tag(tag: str | int) -> int:
    return tag if isinstance(tag, int) else tag_for_keyword(tag)
