"""What the bytes of a DICOM file say of how it is encoded, whatever its transfer syntax says."""

import io
import struct
import zlib
from typing import BinaryIO

from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import read_dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian

_VALUE_REPRESENTATIONS = frozenset(
    b"AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM "
    b"UC UI UL UN UR US UT UV".split()
)
_META_BYTES = 2**20
_LONG_VALUE_REPRESENTATIONS = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())


def read_meta(stream: BinaryIO) -> FileMetaDataset:
    """Read group 0002, whatever its own element says of its length (PS3.10 7.1).

    The stream is left at the first element of the data set.

    Raises:
        ValueError: it is longer than 1 MiB.
    """
    start = 132 if stream.read(132)[128:] == b"DICM" else 0
    end = stream.seek(start)
    while (head := stream.read(8))[:2] == b"\x02\x00" and len(head) == 8:
        length = int.from_bytes(head[6:], "little")
        if head[4:6] in _LONG_VALUE_REPRESENTATIONS:
            length = int.from_bytes(stream.read(4), "little")
        elif head[4:6] not in _VALUE_REPRESENTATIONS:  # implicit, which it must not be
            length = int.from_bytes(head[4:], "little")
        end = stream.seek(length, io.SEEK_CUR)
    if end - start > _META_BYTES:
        raise ValueError(f"group 0002 has {end - start} bytes")
    stream.seek(start)
    group = stream.read(end - start)
    implicit = bool(group) and group[4:6] not in _VALUE_REPRESENTATIONS
    return FileMetaDataset(read_dataset(io.BytesIO(group), implicit, is_little_endian=True))


def encoding(stream: BinaryIO) -> tuple[bool, bool]:
    """Whether a data set is implicit, and whether little endian, by its first element.

    The number of its group is small, so the position of the zero tells the byte order.
    """
    position = stream.tell()
    first = stream.read(6)
    stream.seek(position)
    little_endian = first[:1] != b"\0" or first[:2] == b"\0\0"
    return first[4:6] not in _VALUE_REPRESENTATIONS, little_endian


def is_deflated(file: BinaryIO, meta: Dataset) -> bool:
    """What is labelled as deflated, unless it begins like a data set that is not."""
    position = file.tell()
    first = file.read(8)
    file.seek(position)
    labelled = meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian
    return labelled and not begins_with_element(first)


def inflated(file: BinaryIO, max_bytes: int, cut: bool) -> BinaryIO:
    """PS3.5 A.5. zlib inflates up to a thousandfold, so the size is bounded."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    data = inflater.decompress(file.read(), max_bytes)
    if inflater.unconsumed_tail and not cut:
        raise ValueError(f"inflates to more than {max_bytes / 2**20:.0f} MiB")
    return io.BytesIO(data)


def begins_with_element(start: bytes) -> bool:
    """Whether the first 8 bytes are a plausible element of group 0002 or 0008."""
    if len(start) < 8:
        return False
    for order in ("<", ">"):
        group, element = struct.unpack(f"{order}HH", start[:4])
        if group not in (0x0002, 0x0008) or element > 0x0100:
            continue
        if start[4:6] in _VALUE_REPRESENTATIONS:
            return True
        (length,) = struct.unpack(f"{order}I", start[4:8])
        if length <= 256 and _is_known((group << 16) | element):
            return True
    return False


def _is_known(tag: int) -> bool:
    try:
        return bool(dictionary_VR(tag))
    except KeyError:
        return tag & 0xFFFF == 0  # the length of a group, retired
