"""The pixels of a DICOM file to stored values, whatever its transfer syntax says."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from pydicom.dataset import Dataset

from pipeline.dicom.compressed_frame import FrameLayout, decode_frame, stream_info
from pipeline.dicom.elements import count
from pipeline.dicom.encapsulated import ITEM, begins_stream, encoded_frame
from pipeline.dicom.file_format import DICOM_ERRORS, PixelElement, transfer_syntax
from pipeline.dicom.known_words import syntax_name
from pipeline.dicom.pixel_range import SIGN, VALUES, PixelFormat, lowest_bits, with_sign_of_header
from pipeline.dicom.unusable import Unusable, one_line

# The transfer syntaxes of PS3.6 table A-1 that stand for a codec, by the end of their UIDs.
_ROOT = "1.2.840.10008.1.2."
_CODECS = {
    "uncompressed": "1.98",
    "RLE": "5",
    "JPEG baseline": "4.50 4.51",
    "JPEG extended": "4.51",
    "JPEG progressive": "4.53 4.55",
    "JPEG lossless": "4.57 4.70",
    "JPEG-LS": "4.80 4.81",
    "JPEG 2000": "4.90 4.91 4.92 4.93",
    "HTJ2K": "4.201 4.202 4.203",
}
# Codecs whose streams say whether their values have a sign.
_WITH_SIGN = ("JPEG 2000", "HTJ2K")
_EACH = 8  # columns, of which one is looked at
# Rows of zeros at the end that may mean a part is missing; the share of a row that breaks off, and
# how alike the rows above it are there.
_LEAST_ROWS, _BROKEN_OFF, _ALIKE = 16, 0.05, 0.9


@dataclass(frozen=True)
class Stored:
    """Stored values, as the unsigned number that their lowest `bits` bits form.

    A signed value v < 0 is kept as v + 2^bits, so that every value can index a table.
    """

    pixels: np.ndarray  # (H, W) uint8 or uint16
    bits: int
    signed: bool
    codec: str  # what the pixels are
    label: str = ""  # the transfer syntax that the file claims
    notes: list[str] = field(default_factory=list)


def decode(
    header: Dataset,
    element: PixelElement | None,
    expected: PixelFormat,
    *,
    frame: int = 0,
    trust: Sequence[str] = (),
) -> Stored:
    """Decode one frame; no other is read.

    Args:
        frame: its number, from 0.
        trust: the setting `dicom.trust`.

    Raises:
        Unusable: the pixels are missing, cut off, corrupt, or out of their range.
    """
    if element is None or element.available() == 0:
        raise Unusable("failed", "Pixel Data is missing or empty")
    if element.keyword != "PixelData":
        raise Unusable("skipped", f"{element.keyword}: pixels that are no whole numbers")
    syntax = transfer_syntax(header.file_meta)
    notes: list[str] = []
    labelled = [
        codec for codec, ends in _CODECS.items() if syntax in [_ROOT + end for end in ends.split()]
    ]
    start = element.read(0, 64)
    has_size = element.length is not None and element.length - expected.frame_bytes in (0, 1)
    if (
        element.length is None
        or (start[:4] == ITEM and (labelled or not has_size))
        or (labelled and begins_stream(start) and not has_size)
    ):
        try:
            pixels, codec = _decode_encapsulated(header, element, expected, frame, trust, notes)
        except DICOM_ERRORS as error:
            raise Unusable("failed", f"cannot be decoded: {one_line(error)}") from error
    else:
        data = element.read(frame * expected.frame_bytes, expected.frame_bytes)
        pixels, codec = _as_pixels(data, expected, element), "uncompressed"
        frames = count(header, "NumberOfFrames")
        notes += _doubts_of_end(pixels)
        if (surplus := element.length - frames * expected.frame_bytes) > 1:
            notes.append(f"Pixel Data is {surplus} bytes longer than the image")
    if codec not in (labelled or ["uncompressed"]):
        notes.append(f"labelled {syntax_name(syntax) or 'nothing'}, is {codec}")
    if pixels.shape != expected.shape:
        raise Unusable("failed", f"decodes to {pixels.shape}, the header says {expected.shape}")
    pixels, bits, signed = lowest_bits(pixels, expected, header, codec, VALUES in trust, notes)
    return Stored(pixels, bits, signed, codec, syntax_name(syntax), notes)


def _decode_encapsulated(
    header: Dataset,
    element: PixelElement,
    expected: PixelFormat,
    frame: int,
    trust: Sequence[str],
    notes: list[str],
) -> tuple[np.ndarray, str]:
    """The frame decoded by what its bytes say, and its codec."""
    data = encoded_frame(header, element, frame, notes)
    layout = FrameLayout(*expected.shape, samples=1, bits_allocated=expected.bits_allocated)
    pixels, codec = decode_frame(data, layout, notes)
    info = stream_info(data)
    if info and codec in _WITH_SIGN and pixels.itemsize <= 2:
        pixels = with_sign_of_header(pixels, info.precision, expected, SIGN in trust, notes)
    return pixels, codec


def _as_pixels(data: bytes, expected: PixelFormat, element: PixelElement) -> np.ndarray:
    """An uncompressed frame: (H, W) uint8 or uint16."""
    if len(data) < expected.frame_bytes:
        raise Unusable(
            "failed", f"Pixel Data is cut off: {len(data)} of {expected.frame_bytes} bytes"
        )
    pixels = np.frombuffer(data, f"<u{expected.bits_allocated // 8}")
    # PS3.5 8.1.2: bytes are swapped in words too.
    if not element.little_endian and (expected.bits_allocated == 16 or element.vr == "OW"):
        pixels = pixels[: len(data) // 2 * 2].view(np.uint16).byteswap().view(pixels.dtype)
    return pixels.reshape(expected.shape)


def _doubts_of_end(pixels: np.ndarray) -> list[str]:
    """That the values break off within a row, and nothing but zeros follows.

    So a download or a copy looks that kept the space of what never came. Air may be 0 as well,
    but a breast does not end within a row that is as full as those above it.
    """
    rows, columns = pixels.shape
    if pixels[-_LEAST_ROWS:].any() or rows <= 3 * _LEAST_ROWS:
        return []
    filled = np.flatnonzero(pixels[:, ::_EACH].any(axis=1))
    if not filled.size or filled[-1] < _EACH:
        return []
    last = int(filled[-1])
    last += int(np.flatnonzero(pixels[last : last + 2 * _EACH].any(axis=1))[-1])
    end = int(np.flatnonzero(pixels[last])[-1]) + 1
    beyond = [np.count_nonzero(pixels[row, end:]) for row in (last - 1, last - _EACH)]
    if min(beyond) < max(_BROKEN_OFF * columns, _ALIKE * max(beyond)) or pixels[last + 1 :].any():
        return []
    return [
        f"the values break off within row {last}, and all {rows - 1 - last} rows below are 0: "
        "copy or export it again"
    ]
