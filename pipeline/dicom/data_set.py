"""A data set from its first element to its pixels, also past a sequence of a wrong length."""

import functools
import io
import re
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from pydicom.datadict import dictionary_description, dictionary_has_tag
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag, Tag
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32, STANDARD_VR

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
VALUE_REPRESENTATIONS = frozenset(vr.encode() for vr in STANDARD_VR)
LONG_VALUE_REPRESENTATIONS = frozenset(vr.encode() for vr in EXPLICIT_VR_LENGTH_32)
PIXEL_KEYWORDS = {
    0x7FE00008: "FloatPixelData",
    0x7FE00009: "DoubleFloatPixelData",
    0x7FE00010: "PixelData",
}
_UNDEFINED_LENGTH = 0xFFFFFFFF
_ICON_IMAGE_SEQUENCE = 0x00880200
_MODALITY_LUT_SEQUENCE = 0x00283000  # no grey value is known without it
_PIXEL_DATA = 0x7FE00010
_TRAILING = 0xFFFA0000  # signatures and padding, the only ones behind the pixels
_ITEM = b"\xfe\xff\x00\xe0"
# How far behind the stated end of a sequence the next element is looked for.
_SEARCH_BYTES = 2**18


@dataclass(frozen=True)
class PixelElement:
    """The pixels of an open file, not read yet."""

    stream: BinaryIO  # the file, or what it inflates to
    keyword: str  # PixelData, FloatPixelData or DoubleFloatPixelData
    vr: str | None  # value representation; None in implicit files, which are OW
    start: int  # position of the value in the stream, in bytes
    length: int | None  # as stated, in bytes; None where it is undefined: encapsulated pixels
    little_endian: bool  # byte order of the pixels

    def available(self) -> int:
        """Bytes of the value that are there."""
        left = self.stream.seek(0, io.SEEK_END) - self.start
        return left if self.length is None else min(self.length, left)

    def read(self, offset: int, count: int) -> bytes:
        """`count` bytes from `offset`, or as many as there are."""
        there = max(min(count, self.available() - offset), 0)
        self.stream.seek(self.start + offset)
        return self.stream.read(there)


@dataclass(frozen=True)
class _Place:
    """An element at the top of a data set."""

    tag: int
    vr: str | None  # None in implicit files
    start: int  # of its value
    length: int

    @property
    def is_sequence(self) -> bool:
        return self.vr == "SQ" or self.tag == _ICON_IMAGE_SEQUENCE


@functools.cache
def _numbers(tags: tuple[str | int, ...]) -> tuple[BaseTag | int, ...]:
    """Plain integers: those of pydicom take ten times as long to compare."""
    return tuple(int(Tag(tag)) for tag in tags)


class Walk:
    """A data set from its first element to its pixels."""

    def __init__(
        self,
        stream: BinaryIO,
        implicit: bool,
        little_endian: bool,
        big_endian_pixels: bool,
        tags: Sequence[str | int] | None,
    ):
        self._stream = stream
        self._implicit = implicit
        self._little_endian = little_endian
        self._order = little_endian and not big_endian_pixels  # of the pixels
        self._wanted = None if tags is None else list(_numbers(tuple(tags)))
        self._last: _Place | None = None
        self._icon: _Place | None = None
        self._wrong: _Place | None = None  # a sequence behind which no element begins
        self.pixels: PixelElement | None = None

    def header(self) -> Dataset:
        """What stands before the pixels."""
        start = self._stream.tell()
        problem, header = None, Dataset()
        try:
            header = self._read(self._at_pixels)
        except DICOM_ERRORS as error:
            problem = error
        if self.pixels is None and self._last and self._last.is_sequence:
            self._wrong = self._wrong or self._last
        self._wrong = self._icon or self._wrong  # icons are the ones that are written wrongly
        if self.pixels is None and self._wrong:
            behind = self._behind(self._wrong)
            if behind is not None:
                return self._without(self._wrong, start, behind)
        if problem:
            raise problem
        if self.pixels is None and self._last and self._is_cut_off(self._last):
            header.pop(self._last.tag, None)  # a part of a value is no value
        return header

    def _is_cut_off(self, place: _Place) -> bool:
        end = self._stream.seek(0, io.SEEK_END)
        return place.length != _UNDEFINED_LENGTH and place.start + place.length > end

    def _read(self, stop: Callable[[int, str | None, int], bool]) -> Dataset:
        return read_dataset(
            self._stream,
            self._implicit,
            self._little_endian,
            stop_when=stop,
            specific_tags=self._wanted,
        )

    def _at_pixels(self, tag: int, vr: str | None, length: int) -> bool:
        tag = int(tag)  # as of `_numbers`
        last, here = self._last, _Place(tag, vr, self._stream.tell(), length)
        if last and last.is_sequence and not self._may_follow(last, here):
            self._wrong = self._wrong or last
        if tag == _ICON_IMAGE_SEQUENCE:
            self._icon = here
        self._last = here
        if tag not in PIXEL_KEYWORDS:
            return False
        stated = None if length == _UNDEFINED_LENGTH else length
        self.pixels = PixelElement(
            self._stream, PIXEL_KEYWORDS[tag], vr, here.start, stated, little_endian=self._order
        )
        return True

    def _may_follow(self, last: _Place, here: _Place) -> bool:
        """Whether this is an element behind another, and not bytes from its middle."""
        ordered = last.tag < here.tag <= _PIXEL_DATA or here.tag >= _TRAILING
        is_private = bool(here.tag >> 16 & 1)
        known = dictionary_has_tag(here.tag) or is_private or not here.tag & 0xFFFF
        has_vr = here.vr is None if self._implicit else here.vr in STANDARD_VR
        return ordered and known and has_vr

    def _without(self, sequence: _Place, start: int, behind: int) -> Dataset:
        """The header without a sequence, from its first element and from the one behind it."""
        known = dictionary_has_tag(sequence.tag)
        name = dictionary_description(sequence.tag) if known else f"sequence {Tag(sequence.tag)}"
        if sequence.tag == _MODALITY_LUT_SEQUENCE:
            raise ValueError(f"{name} has a wrong length, and nothing is known without it")
        warnings.warn(f"{name} has a wrong length: left out, read on behind it", stacklevel=2)
        self._stream.seek(start)
        header = self._read(lambda tag, vr, length: tag == sequence.tag)
        self._stream.seek(behind)
        header.update(self._read(self._at_pixels))
        return header

    def _behind(self, sequence: _Place) -> int | None:
        """Where the element behind a sequence begins, from which elements lead to the pixels.

        In writers' icons a few bytes are not counted, such as those of the offset table. The
        stated length of others may be too large as well.
        """
        stated = 0 if sequence.length == _UNDEFINED_LENGTH else sequence.length
        stated = min(stated, _SEARCH_BYTES)
        self._stream.seek(sequence.start)
        data = self._stream.read(stated + _SEARCH_BYTES)
        found = list(self._pixel_places(data, sequence.start))
        later = [at for at in found if at >= stated]
        first = 0
        if sequence.tag == _ICON_IMAGE_SEQUENCE and found and found[0] < stated:
            first = found.pop(0) + 1  # the pixels of the icon, its last element
        if not (later or found):
            return None
        pixels = (later or found)[-1]
        places = range(min(first, pixels), pixels + 1)
        behind = (at for at in places if self._leads_to(data, at, pixels, sequence.tag))
        return sequence.start + next(behind)

    def _pixel_places(self, data: bytes, start: int) -> Iterator[int]:
        """Where Pixel Data may begin: its tag, and a value that is there."""
        end = self._stream.seek(0, io.SEEK_END) - start
        order = "<" if self._little_endian else ">"
        tag = struct.pack(f"{order}HH", _PIXEL_DATA >> 16, _PIXEL_DATA & 0xFFFF)
        for match in re.finditer(re.escape(tag), data):
            element = self._element(data, match.start())
            if element is None:
                continue
            _, value, length = element
            encapsulated = data[value : value + 4] == _ITEM
            if encapsulated if length == _UNDEFINED_LENGTH else 0 < length <= end - value:
                yield match.start()

    def _leads_to(self, data: bytes, at: int, goal: int, tag: int) -> bool:
        """Whether elements with higher and higher tags follow each other up to a place."""
        while at < goal:
            element = self._element(data, at)
            if element is None or not tag < element[0] < _PIXEL_DATA:
                return False
            tag, value, length = element
            at = value + length
        return at == goal

    def _element(self, data: bytes, at: int) -> tuple[int, int, int] | None:
        """Tag, position of the value and length of what begins at a place, if it may."""
        if at + 12 > len(data):
            return None
        order = "<" if self._little_endian else ">"
        group, number = struct.unpack_from(f"{order}HH", data, at)
        tag, vr = (group << 16) | number, data[at + 4 : at + 6]
        if self._implicit:
            return tag, at + 8, struct.unpack_from(f"{order}I", data, at + 4)[0]
        if vr in LONG_VALUE_REPRESENTATIONS:
            return tag, at + 12, struct.unpack_from(f"{order}I", data, at + 8)[0]
        if vr in VALUE_REPRESENTATIONS:
            return tag, at + 8, struct.unpack_from(f"{order}H", data, at + 6)[0]
        return None
