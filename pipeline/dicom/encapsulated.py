"""Where the frames of encapsulated pixels are, PS3.5 A.4, whatever their offset tables say.

Tables are written wrongly more often than fragments are; they are used where the fragments alone
do not tell the frames apart, and only if they point at fragments.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from pydicom.dataset import Dataset

from pipeline.dicom.elements import count
from pipeline.dicom.file_format import PixelElement

ITEM = b"\xfe\xff\x00\xe0"
_DELIMITER = b"\xfe\xff\xdd\xe0"
_HEAD = 8  # bytes: tag and length of an item
# JPEG and JPEG-LS, JPEG 2000, and JPEG 2000 in a box.
_STREAMS = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP")


@dataclass(frozen=True)
class _Fragment:
    """One item; positions in bytes from the start of Pixel Data."""

    tag: int  # of its item tag
    length: int  # of its value

    @property
    def start(self) -> int:
        """Of its value."""
        return self.tag + _HEAD


def encoded_frame(header: Dataset, element: PixelElement, frame: int, notes: list[str]) -> bytes:
    """The stream of one frame, put together from its fragments.

    Args:
        header: with Number of Frames and the extended offset table, if there is one.
        frame: its number, from 0.
        notes: what was wrong and got over is added.

    Raises:
        ValueError: there is no such frame, or frames cannot be told apart.
    """
    frames = count(header, "NumberOfFrames")
    if frames == 1 and begins_stream(element.read(0, 64)):
        notes.append("Pixel Data is one stream that is not encapsulated")
        return element.read(0, element.available())
    table, fragments = _table_and_fragments(element, notes)
    if not fragments:
        raise ValueError("there are no fragments in Pixel Data")
    extended = header.get("ExtendedOffsetTable")
    if extended:
        table = [value for (value,) in struct.iter_unpack("<Q", extended[: len(extended) // 8 * 8])]
    chosen = _of_frame(element, fragments, table, frames, frame, notes)
    return b"".join(element.read(each.start, each.length) for each in chosen)


def _table_and_fragments(
    element: PixelElement, notes: list[str]
) -> tuple[list[int], list[_Fragment]]:
    """The basic offset table, [] where it is empty or missing, and all fragments."""
    size, at = element.available(), 0
    items: list[_Fragment] = []
    while (head := element.read(at, _HEAD))[:4] == ITEM and len(head) == _HEAD:
        (length,) = struct.unpack("<I", head[4:])
        items.append(_Fragment(at, length))
        at += _HEAD + length
        # Fragments are of even length; some writers count an odd one without its padding.
        if length % 2 and element.read(at, 4) not in (ITEM, _DELIMITER) and at < size:
            at += 1
    if head[:4] != _DELIMITER and at < size:
        notes.append(f"{size - at} bytes of Pixel Data behind the last fragment belong to none")
    if not items:
        return [], []
    first = element.read(items[0].start, min(items[0].length, 64))
    if begins_stream(first):
        notes.append("the Basic Offset Table, which may be empty, is missing")
        return [], items
    table = element.read(items[0].start, items[0].length // 4 * 4)
    return [value for (value,) in struct.iter_unpack("<I", table)], items[1:]


def begins_stream(data: bytes) -> bool:
    """Whether these are the first bytes of a frame; a table begins with the offset 0."""
    rle = len(data) == 64 and 1 <= data[0] <= 15 and data[1:8] == b"\0\0\0\x40\0\0\0"
    return data.startswith(_STREAMS) or rle


def _of_frame(
    element: PixelElement,
    fragments: Sequence[_Fragment],
    table: Sequence[int],
    frames: int,
    frame: int,
    notes: list[str],
) -> Sequence[_Fragment]:
    """The fragments of one frame."""
    if frame >= frames:
        raise ValueError(f"frame {frame + 1} of {frames}")
    base = fragments[0].tag
    places = {each.tag - base: index for index, each in enumerate(fragments)}
    known = len(table) == frames and len(set(table)) == frames and set(table) <= set(places)
    if table and not known:
        notes.append("the offset table of Pixel Data is wrong: frames are told by their fragments")
    if frames == 1:
        return fragments
    if known:
        starts = [places[offset] for offset in table]
    elif len(fragments) == frames:
        starts = list(range(frames))
    else:
        starts = [
            index
            for index, each in enumerate(fragments)
            if begins_stream(element.read(each.start, min(each.length, 64)))
        ]
        if len(starts) != frames:
            raise ValueError(
                f"{len(fragments)} fragments, in which {len(starts)} streams begin, are not "
                f"{frames} frames, and no offset table tells them apart"
            )
    first = starts[frame]
    return fragments[first : min((s for s in starts if s > first), default=len(fragments))]
