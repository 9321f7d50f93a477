"""Pixel Data (7FE0,0010) to stored values, whatever the transfer syntax says."""

from dataclasses import dataclass, field

import numpy as np
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.uid import UID, RLELossless

from pipeline.ingest.dicom_values import number
from pipeline.preprocess.dicom.codecs import decode_rle, decode_stream, stream_info
from pipeline.preprocess.dicom.unusable import Unusable

_ITEM = b"\xfe\xff\x00\xe0"
# The codecs that the transfer syntaxes of PS3.6 table A-1 stand for.
_LABELS = {
    "1.2.840.10008.1.2.4.50": ("JPEG baseline",),
    "1.2.840.10008.1.2.4.51": ("JPEG extended", "JPEG baseline"),
    "1.2.840.10008.1.2.4.57": ("JPEG lossless",),
    "1.2.840.10008.1.2.4.70": ("JPEG lossless",),
    "1.2.840.10008.1.2.4.80": ("JPEG-LS",),
    "1.2.840.10008.1.2.4.81": ("JPEG-LS",),
    "1.2.840.10008.1.2.4.90": ("JPEG 2000",),
    "1.2.840.10008.1.2.4.91": ("JPEG 2000",),
    "1.2.840.10008.1.2.4.201": ("HTJ2K",),
    "1.2.840.10008.1.2.4.202": ("HTJ2K",),
    "1.2.840.10008.1.2.4.203": ("HTJ2K",),
}
# Lossy compression may overshoot the range a little.
_LOSSY = ("JPEG baseline", "JPEG extended", "JPEG progressive", "JPEG-LS", "JPEG 2000", "HTJ2K")


@dataclass(frozen=True)
class PixelFormat:
    """Group 0028 of the header, checked. PS3.5 8.1.1."""

    shape: tuple[int, int]  # rows, columns
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool


@dataclass(frozen=True)
class Stored:
    """Stored values, as the unsigned number that their lowest `bits` bits form.

    A signed value v < 0 is kept as v + 2^bits, so that every value can index a table.
    """

    pixels: np.ndarray  # (H, W) uint8 or uint16
    bits: int
    signed: bool
    codec: str
    notes: list[str] = field(default_factory=list)


def pixel_format(dataset: Dataset) -> PixelFormat:
    """Check the description of the pixels.

    Raises:
        Unusable: it is missing, contradictory or not supported.
    """
    values = {}
    for keyword in ("Rows", "Columns", "BitsAllocated", "BitsStored"):
        value = number(dataset, keyword)
        if value is None or value < 1:
            raise Unusable("failed", f"{keyword} is missing or not positive")
        values[keyword] = int(value)
    allocated, stored = values["BitsAllocated"], values["BitsStored"]
    high_bit = number(dataset, "HighBit")
    high_bit = stored - 1 if high_bit is None else int(high_bit)
    if allocated not in (8, 16):
        raise Unusable("failed", f"Bits Allocated must be 8 or 16, not {allocated}")
    if not stored - 1 <= high_bit < allocated:
        raise Unusable(
            "failed",
            f"Bits Stored {stored}, High Bit {high_bit} and Bits Allocated {allocated} disagree",
        )
    signed = number(dataset, "PixelRepresentation") == 1
    return PixelFormat((values["Rows"], values["Columns"]), allocated, stored, high_bit, signed)


def decode(dataset: Dataset, expected: PixelFormat) -> Stored:
    """Decode the only frame of a data set.

    Raises:
        Unusable: the pixels are cut off, of another size, or out of their range.
        RuntimeError, ValueError and the like: from the decoders, on a corrupt stream.
    """
    data = dataset.get("PixelData")
    if not data:
        raise Unusable("failed", "Pixel Data is missing or empty")
    syntax = UID(str(getattr(dataset, "file_meta", {}).get("TransferSyntaxUID", "")))
    notes: list[str] = []
    size = expected.shape[0] * expected.shape[1] * expected.bits_allocated // 8
    encapsulated = data[:4] == _ITEM and (syntax in _LABELS or len(data) - size not in (0, 1))
    if encapsulated:
        pixels, codec = _decode_frame(data, expected, syntax, notes)
    else:
        pixels, codec = _decode_native(data, dataset, expected), "uncompressed"
        if syntax in _LABELS or syntax == RLELossless:
            notes.append(f"labelled {syntax.name}, is uncompressed")
    if pixels.shape != expected.shape:
        raise Unusable("failed", f"decodes to {pixels.shape}, the header says {expected.shape}")
    pixels = _lowest_bits(pixels, expected, dataset, codec, notes)
    return Stored(pixels, expected.bits_stored, expected.signed, codec, notes)


def _decode_native(data: bytes, dataset: Dataset, expected: PixelFormat) -> np.ndarray:
    count = expected.shape[0] * expected.shape[1]
    size = count * expected.bits_allocated // 8
    if len(data) < size:
        raise Unusable("failed", f"Pixel Data is cut off: {len(data)} of {size} bytes")
    little = getattr(dataset, "original_encoding", (None, True))[1] is not False
    if expected.bits_allocated == 16:
        pixels = np.frombuffer(data, "<u2" if little else ">u2", count).astype(
            np.uint16, copy=False
        )
    elif not little and dataset["PixelData"].VR == "OW":  # PS3.5 8.1.2: bytes swapped in words
        pairs = np.frombuffer(data, ">u2", len(data) // 2).astype("<u2")
        pixels = pairs.view(np.uint8)[:count]
    else:
        pixels = np.frombuffer(data, np.uint8, count)
    return pixels.reshape(expected.shape)


def _decode_frame(
    data: bytes, expected: PixelFormat, syntax: UID, notes: list[str]
) -> tuple[np.ndarray, str]:
    frame = get_frame(data, 0, number_of_frames=1)
    info = stream_info(frame)
    if info is None:
        if syntax in _LABELS:
            raise Unusable("failed", f"the stream is not {syntax.name}")
        return decode_rle(frame, expected.shape, expected.bits_allocated // 8), "RLE"
    # Before decoding: a small stream may announce an enormous image.
    if (info.height, info.width) != expected.shape:
        raise Unusable(
            "failed",
            f"the {info.codec} stream is {info.height} x {info.width} pixels, "
            f"the header says {expected.shape[0]} x {expected.shape[1]}",
        )
    if info.components != 1:
        raise Unusable("failed", f"the {info.codec} stream has {info.components} components, not 1")
    # Some decoders fill up what is missing, without an error.
    if b"\xff\xd9" not in frame[-16:]:
        raise Unusable("failed", f"the {info.codec} stream has no end")
    if info.codec not in _LABELS.get(syntax, ()):
        notes.append(f"labelled {syntax.name or 'nothing'}, is {info.codec}")
    return decode_stream(frame, info), info.codec


def _lowest_bits(
    pixels: np.ndarray, expected: PixelFormat, dataset: Dataset, codec: str, notes: list[str]
) -> np.ndarray:
    """Shift to High Bit and drop what is no pixel, or find that the values are too large."""
    if pixels.dtype.kind == "i":
        if not expected.signed and pixels.min() < 0:
            raise Unusable("failed", "the stream holds negative values, the header says unsigned")
        pixels = pixels.view(pixels.dtype.str.replace("i", "u"))
    if pixels.dtype.itemsize > 2:
        raise Unusable("failed", f"decodes to {pixels.dtype}, which is not supported")
    largest = (1 << expected.bits_stored) - 1
    shift = expected.high_bit - (expected.bits_stored - 1)
    if shift:
        notes.append(f"High Bit {expected.high_bit}: shifted by {shift}")
        pixels = pixels >> shift
    if expected.bits_stored == pixels.dtype.itemsize * 8:
        return pixels
    if expected.signed or _has_overlay_in_pixels(dataset):
        return pixels & pixels.dtype.type(largest)
    highest = int(pixels.max())
    if largest < highest <= largest + largest // 16 and codec in _LOSSY:
        notes.append(f"values up to {highest} clipped to Bits Stored {expected.bits_stored}")
        return np.minimum(pixels, pixels.dtype.type(largest))
    if highest > largest:
        raise Unusable(
            "failed", f"values up to {highest} do not fit Bits Stored {expected.bits_stored}"
        )
    return pixels


def _has_overlay_in_pixels(dataset: Dataset) -> bool:
    """Retired: overlay bits above the pixel's own, (60xx,0102) Overlay Bit Position > 0."""
    return any(
        (g, 0x0102) in dataset and dataset[g, 0x0102].value for g in range(0x6000, 0x6020, 2)
    )
