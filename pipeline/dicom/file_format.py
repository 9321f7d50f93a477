"""The DICOM file format, PS3.10: what is DICOM, and where in a file header and pixels are.

How a data set is encoded is seen from its bytes, whatever its transfer syntax says, and memory
is bounded.
"""

import hashlib
import io
import re
import struct
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pydicom.datadict import dictionary_has_tag
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import read_dataset
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

from pipeline.dicom.data_set import (
    DICOM_ERRORS,
    LONG_VALUE_REPRESENTATIONS,
    PIXEL_KEYWORDS,
    VALUE_REPRESENTATIONS,
    PixelElement,
    Walk,
)

__all__ = [
    "DICOM_ERRORS",
    "PACKED",
    "PIXEL_KEYWORDS",
    "PixelElement",
    "damage_of",
    "is_dicom",
    "open_dicom",
    "pixel_data_sha256",
    "read_dicom",
    "transfer_syntax",
]

HEADER_BYTES = 16 * 2**20
_META_BYTES = 2**20
# Implicit little endian, but for the pixels.
_GE_BIG_ENDIAN_PIXELS = "1.2.840.113619.5.2"
_TEXT_BYTES, _FRONT_BYTES = 512, 4096
# How files begin that gzip, bzip2, xz, zstd, zip and 7-Zip make.
_PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"(\xb5/\xfd", b"PK\x03\x04", b"7z\xbc\xaf")
PACKED = "packed as a whole, such as by gzip: unpack it"


def is_dicom(path: Path) -> bool:
    """Whether a file begins like DICOM, with or without the preamble of PS3.10."""
    with path.open("rb") as stream:
        start = stream.read(132)
    return start[128:132] == b"DICM" or _begins_with_element(start)


def damage_of(path: Path) -> str:
    """What became of a DICOM file for which `is_dicom` does not hold; "" if it may be no such file.

    Raises:
        OSError: the file cannot be opened.
    """
    with path.open("rb") as stream:
        front = stream.read(_FRONT_BYTES)
    start = front[:_TEXT_BYTES]
    if not start:
        return "an empty file"
    if start.startswith(_PACKED):
        return PACKED
    if (at := front.find(b"DICM\x02\0")) > 128:
        return f"{at - 128} bytes in front of the DICOM file, as of a message: cut them off"
    if not any(start[:128]) and (b"DICM".startswith(start[128:]) or not any(start)):
        return "begins with zeros: its copy or download stopped"
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html")):
        return "a web page, not the file: its download failed"
    if text.startswith((b"<?xml", b"{")):
        return "a message of a server, not the file: its download failed"
    if text.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer, not the file itself: git lfs pull fetches it"
    if re.match(rb"(/annex/objects/|(\.\./)*\.git/annex/)", text):
        return "a pointer of git-annex, not the file itself: git annex get fetches it"
    if text.startswith(b"outs:") and b"md5:" in text:
        return "a pointer of DVC, not the file itself: dvc pull fetches it"
    return ""


def transfer_syntax(meta: Dataset) -> UID:
    """What the group 0002 of a file claims, "" where it claims nothing; it may lie."""
    return UID(str(meta.get("TransferSyntaxUID") or ""))


def read_dicom(
    path: Path,
    *,
    header_only: bool,
    tags: Sequence[str | int] | None = None,
    max_bytes: int = HEADER_BYTES,
) -> Dataset:
    """Read a file for which `is_dicom` holds.

    Args:
        header_only: stop before the pixels.
        tags, max_bytes: as of `open_dicom`; a header is cut at the limit.

    Raises:
        One of DICOM_ERRORS: the file is cut off or wrong, or inflates to more than max_bytes.
    """
    with open_dicom(path, tags=tags, max_bytes=max_bytes, cut=header_only) as (dataset, pixels):
        if pixels is not None and not header_only:
            dataset.update(read_dataset(pixels.stream, *dataset.original_encoding))
    return dataset


def pixel_data_sha256(path: Path, *, middle: int | None = None) -> str:
    """Checksum of the pixels of a file as they are stored; "" where they cannot be found.

    Args:
        middle: only of so many bytes in the middle, where a mammogram shows a breast.
    """
    with warnings.catch_warnings():  # the reader, which reads it again, tells of them
        warnings.simplefilter("ignore")
        try:
            with open_dicom(path, tags=()) as (_, pixels):
                size = pixels.available() if pixels else 0
                count = size if middle is None else min(middle, size)
                data = pixels.read((size - count) // 2, count) if pixels else b""
        except DICOM_ERRORS:
            return ""
    return hashlib.sha256(data).hexdigest() if data else ""


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
        meta = _read_meta(file)
        stream = _inflated(file, max_bytes, cut) if _is_deflated(file, meta) else file
        if len(_next_bytes(stream, 8)) < 8:  # less than the head of an element
            raise EOFError("the file ends before its data set; copy or export it again")
        implicit, little_endian = _encoding(stream)
        syntax = transfer_syntax(meta)
        if syntax.is_transfer_syntax and not syntax.is_private:
            _compare_with_label(syntax, implicit, little_endian)
        walk = Walk(stream, implicit, little_endian, syntax == _GE_BIG_ENDIAN_PIXELS, tags)
        header = walk.header()
        header.file_meta = meta
        yield header, walk.pixels


def _compare_with_label(label: UID, implicit: bool, little_endian: bool) -> None:
    if (label.is_implicit_VR, label.is_little_endian) != (implicit, little_endian):
        found = f"{'im' if implicit else 'ex'}plicit {'little' if little_endian else 'big'} endian"
        warnings.warn(f"labelled {label.name}, is {found}", stacklevel=2)


def _read_meta(stream: BinaryIO) -> FileMetaDataset:
    """Read group 0002, whatever its own element says of its length (PS3.10 7.1).

    The stream is left at the first element of the data set.
    """
    start = 132 if stream.read(132)[128:] == b"DICM" else 0
    end = stream.seek(start)
    while (head := stream.read(8))[:2] == b"\x02\x00" and len(head) == 8:
        length = int.from_bytes(head[6:], "little")
        if head[4:6] in LONG_VALUE_REPRESENTATIONS:
            length = int.from_bytes(stream.read(4), "little")
        elif head[4:6] not in VALUE_REPRESENTATIONS:  # implicit, which it must not be
            length = int.from_bytes(head[4:], "little")
        end = stream.seek(length, io.SEEK_CUR)
    if end - start > _META_BYTES:
        raise ValueError(f"group 0002 has {end - start} bytes")
    stream.seek(start)
    group = stream.read(end - start)
    implicit = bool(group) and group[4:6] not in VALUE_REPRESENTATIONS
    return FileMetaDataset(read_dataset(io.BytesIO(group), implicit, is_little_endian=True))


def _encoding(stream: BinaryIO) -> tuple[bool, bool]:
    """Whether a data set is implicit, and whether little endian, by its first element.

    The number of its group is small, so the position of the zero tells the byte order.
    """
    first = _next_bytes(stream, 6)
    little_endian = first[:1] != b"\0" or first[:2] == b"\0\0"
    return first[4:6] not in VALUE_REPRESENTATIONS, little_endian


def _is_deflated(file: BinaryIO, meta: Dataset) -> bool:
    """What is labelled as deflated, unless it begins like a data set that is not."""
    labelled = transfer_syntax(meta) == DeflatedExplicitVRLittleEndian
    return labelled and not _begins_with_element(_next_bytes(file, 8))


def _next_bytes(stream: BinaryIO, count: int) -> bytes:
    """The bytes that are read next."""
    position = stream.tell()
    found = stream.read(count)
    stream.seek(position)
    return found


def _inflated(file: BinaryIO, max_bytes: int, cut: bool) -> BinaryIO:
    """PS3.5 A.5. zlib inflates up to a thousandfold, so the size is bounded."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    data = inflater.decompress(file.read(), max_bytes)
    if inflater.unconsumed_tail and not cut:
        raise ValueError(f"inflates to more than {max_bytes / 2**20:.0f} MiB")
    return io.BytesIO(data)


def _begins_with_element(start: bytes) -> bool:
    """Whether the first 8 bytes are a plausible element of group 0002 or 0008."""
    if len(start) < 8:
        return False
    for order in ("<", ">"):
        group, element = struct.unpack(f"{order}HH", start[:4])
        if group not in (0x0002, 0x0008) or element > 0x0100:
            continue
        if start[4:6] in VALUE_REPRESENTATIONS:
            return True
        (length,) = struct.unpack(f"{order}I", start[4:8])
        # Element 0 is the length of a group, retired.
        if length <= 256 and (element == 0 or dictionary_has_tag((group << 16) | element)):
            return True
    return False
