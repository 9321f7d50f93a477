"""Opening files that may or may not be DICOM, with bounded memory."""

import io
import struct
import zlib
from pathlib import Path

from pydicom import dcmread
from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_dataset, read_file_meta_info
from pydicom.uid import DeflatedExplicitVRLittleEndian

# What pydicom raises on a file that is cut off or wrong.
DICOM_ERRORS = (
    ArithmeticError,
    AttributeError,
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
_PIXEL_TAGS = (0x7FE00008, 0x7FE00009, 0x7FE00010)
_VALUE_REPRESENTATIONS = frozenset(
    b"AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM "
    b"UC UI UL UN UR US UT UV".split()
)


def is_dicom(path: Path) -> bool:
    """Whether a file begins like DICOM, with or without the preamble of PS3.10."""
    with path.open("rb") as stream:
        start = stream.read(132)
    return start[128:132] == b"DICM" or _begins_with_element(start)


def read_dicom(
    path: Path, *, header_only: bool, tags: list[str] | None = None, max_bytes: int = HEADER_BYTES
) -> Dataset:
    """Read a file for which `is_dicom` holds.

    Args:
        header_only: stop before the pixels.
        tags: keywords of the elements wanted; all if None.
        max_bytes: limit of a deflated data set after inflating; a header is cut there.

    Raises:
        One of DICOM_ERRORS: the file is cut off or wrong, or inflates to more than max_bytes.
    """
    with path.open("rb") as stream:
        preamble = stream.read(132)[128:] == b"DICM"
    if preamble:
        meta = read_file_meta_info(path)
        if meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
            return _read_deflated(path, meta, header_only, tags, max_bytes)
    return dcmread(path, stop_before_pixels=header_only, specific_tags=tags, force=not preamble)


def _read_deflated(
    path: Path, meta: Dataset, header_only: bool, tags: list[str] | None, max_bytes: int
) -> Dataset:
    """PS3.5 A.5. zlib inflates up to a thousandfold, so the size is bounded first."""
    start = 144 + meta.FileMetaInformationGroupLength
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    with path.open("rb") as stream:
        stream.seek(start)
        inflated = inflater.decompress(stream.read(), max_bytes)
    if inflater.unconsumed_tail and not header_only:
        raise ValueError(f"inflates to more than {max_bytes / 2**20:.0f} MiB")
    dataset = read_dataset(
        io.BytesIO(inflated),
        is_implicit_VR=False,
        is_little_endian=True,
        stop_when=(lambda tag, vr, length: tag in _PIXEL_TAGS) if header_only else None,
        specific_tags=tags,
    )
    dataset.file_meta = meta
    return dataset


def _begins_with_element(start: bytes) -> bool:
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
