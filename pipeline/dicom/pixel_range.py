"""What a header says of its pixels, and decoded values brought to that: bits, sign and range."""

from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset

from pipeline.dicom.elements import number
from pipeline.dicom.unusable import Unusable

# Lossy compression may overshoot the range a little.
_LOSSY = ("JPEG baseline", "JPEG extended", "JPEG progressive", "JPEG-LS", "JPEG 2000", "HTJ2K")
# Every so many rows and columns are looked at for values at the ends, and the share of them.
_EACH, _AT_END = 8, 0.01
# So many times rougher is torn.
_TORN = 2
# So many rows have one in which values are looked at that jump from one end to the other.
_EVERY_ROW, _TORN_ROWS = 64, 0.1
# What `dicom.trust` may name.
VALUES, SIGN = "values", "pixel_representation"
# (60xx,0102), retired.
OVERLAY_BIT_POSITIONS = tuple((group << 16) | 0x0102 for group in range(0x6000, 0x6020, 2))


@dataclass(frozen=True)
class PixelFormat:
    """Group 0028 of the header, checked. PS3.5 8.1.1."""

    shape: tuple[int, int]  # rows, columns
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool

    @property
    def frame_bytes(self) -> int:
        """Length of an uncompressed frame."""
        return self.shape[0] * self.shape[1] * self.bits_allocated // 8


def pixel_format(dataset: Dataset) -> PixelFormat:
    """Check the description of the pixels.

    Raises:
        Unusable: it is missing, contradictory or not supported.
    """
    values = []
    for keyword in ("Rows", "Columns", "BitsAllocated", "BitsStored"):
        value = number(dataset, keyword)
        if value is None or value < 1:
            raise Unusable("failed", f"{keyword} is missing or not positive")
        values.append(int(value))
    rows, columns, allocated, stored = values
    high_bit = number(dataset, "HighBit")
    high_bit = stored - 1 if high_bit is None else int(high_bit)
    if allocated not in (8, 16):
        raise Unusable("failed", f"Bits Allocated must be 8 or 16, not {allocated}")
    if stored > allocated:
        raise Unusable("failed", f"Bits Stored {stored} and Bits Allocated {allocated} disagree")
    signed = number(dataset, "PixelRepresentation") == 1
    return PixelFormat((rows, columns), allocated, stored, high_bit, signed)


def with_sign_of_header(
    pixels: np.ndarray, precision: int, expected: PixelFormat, trusted: bool, notes: list[str]
) -> np.ndarray:
    """The values with or without a sign as Pixel Representation says, where the stream says else.

    pydicom takes the header's word. Where it is wrong, the values wrap from one end of the range
    to the other, which no picture does.

    Args:
        precision: bits of a value in the stream.
        trusted: take the header's word in any case.
    """
    has_sign = pixels.dtype.kind == "i"
    if has_sign == expected.signed:
        return pixels
    negative = 1 << (min(precision, expected.bits_stored) - 1)
    low, high = int(pixels.min()), int(pixels.max())
    agrees = low >= 0 if has_sign else high < negative
    if agrees or low < -negative or high >= (negative if has_sign else 2 * negative):
        return pixels  # the same either way, or out of range
    as_said = pixels.astype(np.int32)
    as_said = as_said & (2 * negative - 1) if has_sign else (as_said ^ negative) - negative
    if not trusted and _roughness(as_said) > _roughness(pixels):
        if not has_sign and precision < expected.bits_stored:
            return pixels  # as they are, they fit what the header says
        holds = "negative values, the header says unsigned"
        if not has_sign:
            holds = "values without a sign, the header says signed"
        raise Unusable(
            "failed",
            f"the stream holds {holds}, and so the picture would be torn (if the header is right: "
            f"SET=dicom.trust={SIGN})",
        )
    have, says = ("signed", "unsigned") if has_sign else ("unsigned", "signed")
    notes.append(f"the stream says {have}, Pixel Representation {says}: taken as {says}")
    return as_said.astype(np.int16 if expected.signed else np.uint16)


def _roughness(values: np.ndarray) -> float:
    """How much neighbours in a row differ."""
    return float(np.abs(np.diff(values.astype(np.int32), axis=1)).sum())


def lowest_bits(
    pixels: np.ndarray,
    expected: PixelFormat,
    header: Dataset,
    codec: str,
    trusted: bool,
    notes: list[str],
) -> tuple[np.ndarray, int, bool]:
    """Shift to High Bit and drop what is no pixel, or find that values are out of range.

    Args:
        trusted: the values go before Bits Stored.

    Returns:
        The values, the bits that they have, and whether they have a sign.
    """
    if pixels.itemsize > 2:
        raise Unusable("failed", f"decodes to {pixels.dtype}, which is not supported")
    if pixels.dtype.kind == "i" and not expected.signed and pixels.min() < 0:
        raise Unusable("failed", "the stream holds negative values, the header says unsigned")
    bits, signed = expected.bits_stored, expected.signed
    # Bits above the pixel's own hold an overlay where an Overlay Bit Position is above 0.
    overlays = any(tag in header and header[tag].value for tag in OVERLAY_BIT_POSITIONS)
    pixels = _without_bits_below(pixels, expected, overlays, notes)
    if bits >= 8 * pixels.itemsize:
        notes += _doubts_of_sign(_unsigned(pixels), signed)
        return _unsigned(pixels), bits, signed
    if overlays:
        return _lowest(pixels, bits), bits, signed
    # Negative values fill the word with their sign, or only Bits Stored: then none is below 0.
    as_signed = pixels.view(f"i{pixels.itemsize}")
    values = as_signed if signed and as_signed.min() < 0 else _unsigned(pixels)
    if signed and values.dtype.kind == "u" and _would_be_torn(values, bits):
        notes.append("Pixel Representation says signed, which would tear the picture: unsigned")
        signed = False
    elif not signed and _is_torn(values, bits):
        notes.append("Pixel Representation says unsigned, which tears the picture: signed")
        return values, bits, True
    if trusted:
        bits = _bits_of_values(values, bits, signed, notes)
    values = _in_range(values, bits, codec, notes)
    return (_lowest(values, bits) if values.dtype.kind == "i" else values), bits, signed


def _without_bits_below(
    pixels: np.ndarray, expected: PixelFormat, overlays: bool, notes: list[str]
) -> np.ndarray:
    """The values shifted to High Bit, where that can be.

    A High Bit too low is none, and one above values that all fit below it has been set without
    shifting them; pydicom asks for none.
    """
    high, top = expected.high_bit, expected.bits_stored - 1
    shift = high - top
    if not shift:
        return pixels
    values = _unsigned(pixels)
    fits = not overlays and int(values.max()) >> expected.bits_stored == 0
    is_none = shift < 0 or high >= expected.bits_allocated
    if is_none or (fits and bool((values & values.dtype.type((1 << shift) - 1)).any())):
        notes.append(f"High Bit {high} cannot be: taken as {top}")
        return pixels
    notes.append(f"High Bit {high}: shifted by {shift}")
    return values >> shift


def _would_be_torn(values: np.ndarray, bits: int) -> bool:
    """Whether a sign in the highest bit clearly tears what is one picture without it."""
    half = 1 << (bits - 1)
    if int(values.max()) < half:
        return False
    return _roughness((values.astype(np.int32) ^ half) - half) > _TORN * _roughness(values)


def _is_torn(values: np.ndarray, bits: int) -> bool:
    """Whether a sign in the highest bit clearly mends what is torn without it.

    Then neighbours jump from one end of the range to the other in many rows, and not only between
    the very darkest and the brightest, as at labels and in what is clipped.
    """
    rows = values[_EVERY_ROW // 2 :: _EVERY_ROW].astype(np.int32)
    jumps = np.abs(np.diff(rows, axis=1)) > 3 << (bits - 2)
    if not jumps.any() or int(values.max()) >> bits:
        return False
    inner = (rows > values.min()) & (rows < values.max())
    if (jumps & inner[:, 1:] & inner[:, :-1]).any(axis=1).mean() < _TORN_ROWS:
        return False
    half = 1 << (bits - 1)
    return _roughness(values) > _TORN * _roughness((values.astype(np.int32) ^ half) - half)


def _doubts_of_sign(patterns: np.ndarray, signed: bool) -> list[str]:
    """That values of 16 bit, read as they are said to be, lie at both ends of their range only.

    A padding, which is one value, does not count.
    """
    if patterns.itemsize < 2:
        return []
    values = patterns[::_EACH, ::_EACH] ^ patterns.dtype.type(signed << 15)
    inner = values[(values > values.min()) & (values < values.max())]
    low, high = inner < 1 << 14, inner >= 3 << 14
    if min(low.sum(), high.sum()) < _AT_END * values.size or not (low | high).all():
        return []
    said = "signed" if signed else "unsigned"
    return [
        f"values at both ends of the range and none between, as if they were not {said}: Pixel "
        "Representation may be wrong"
    ]


def _bits_of_values(values: np.ndarray, bits: int, signed: bool, notes: list[str]) -> int:
    """Bits Stored, or as many as the values need."""
    worst = max(int(values.max()), -int(values.min()) - 1)
    needed = min(worst.bit_length() + signed, 8 * values.itemsize)
    if needed <= bits:
        return bits
    notes.append(f"values up to {worst} do not fit Bits Stored {bits}: taken as {needed} bit")
    return needed


def _in_range(values: np.ndarray, bits: int, codec: str, notes: list[str]) -> np.ndarray:
    """The values, after clipping what a lossy codec may overshoot."""
    signed = values.dtype.kind == "i"
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    found = int(values.min()) if signed else 0, int(values.max())
    if low <= found[0] and found[1] <= high:
        return values
    room = f"Bits Stored {bits}" + (", signed" if signed else "")
    slack = (high - low) // 16
    if codec in _LOSSY and low - slack <= found[0] and found[1] <= high + slack:
        notes.append(f"values from {int(values.min())} to {found[1]} clipped to {room}")
        return np.clip(values, low, high)
    worst = found[1] if found[1] > high else found[0]
    raise Unusable(
        "failed",
        f"values up to {worst} do not fit {room} (if the values are right: "
        f"SET=dicom.trust={VALUES})",
    )


def _lowest(values: np.ndarray, bits: int) -> np.ndarray:
    """The number that the lowest bits of each value form."""
    return _unsigned(values) & _unsigned(values).dtype.type((1 << bits) - 1)


def _unsigned(values: np.ndarray) -> np.ndarray:
    return values.view(f"u{values.itemsize}")
