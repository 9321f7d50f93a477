"""From stored values to presentation values: PS3.3 C.11.1, C.11.2 and C.7.6.3.1.2.

Modality transformation, then VOI transformation, then polarity. Every step works on single
values, so the whole chain is one table with an entry for each possible stored value; an image
of any size then costs one look-up per pixel.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np
from pydicom.datadict import dictionary_description
from pydicom.dataset import Dataset

from pipeline.dicom.elements import (
    as_written,
    is_unreadable,
    items,
    not_items,
    notes_on_numbers,
    number,
    numbers,
    word,
    words,
)
from pipeline.dicom.known_words import EXPLANATIONS, known_words
from pipeline.dicom.unusable import Unusable

_RESCALING = ("RescaleSlope", "RescaleIntercept")
_WINDOW = ("WindowCenter", "WindowWidth")
# PS3.3 C.8.11.3: the shape that goes with each.
_SHAPES = {"MONOCHROME1": "INVERSE", "MONOCHROME2": "IDENTITY"}
_EXPLANATION = 24  # characters of it that are kept


@dataclass(frozen=True)
class Grey:
    """Tables indexed by the stored value (of a signed one, by its lowest `bits` bits).

    `values` run from 0 to 1, the nominal range of the last step; dense tissue is bright.
    """

    values: np.ndarray  # (2^bits,) float32
    padding: np.ndarray | None  # (2^bits,) bool; None where the file names no padding
    window: str  # what the VOI transformation was, e.g. "SIGMOID 2314/600 NORMAL (1 of 3)"
    polarity: str
    notes: list[str] = field(default_factory=list)


def grey_tables(
    header: Dataset,
    *,
    bits: int,
    signed: bool,
    prefer_lut: bool = True,
    use_window: bool = True,
) -> Grey:
    """Tables of the grey-scale chain of an image that `selection.check_kind` lets pass.

    Args:
        bits: Bits Stored.
        prefer_lut: take the VOI LUT Sequence where there is a window as well; PS3.3 C.11.2
            calls them alternatives. A writer adds the window for viewers without LUTs.
        use_window: False leaves out the VOI transformation.

    Raises:
        Unusable: the rescaling is not defined.
    """
    notes: list[str] = []
    polarity = word(header, "PhotometricInterpretation")
    stored = stored_values(bits, signed=signed)
    shape = word(header, "PresentationLUTShape")
    if shape in _SHAPES.values() and shape != _SHAPES.get(polarity, shape):
        notes.append(
            f"contradictory polarities: Photometric Interpretation {polarity}, "
            f"Presentation LUT Shape {shape}"
        )
    modality, low, high, lost = _modality(header, stored, notes)
    if lost and use_window:
        # The window is in rescaled values, which nobody knows then.
        use_window = False
        notes.append(f"window left out, {lost}")
    found = _voi(header, modality, prefer_lut, notes) if use_window else None
    values, window = found or ((modality - low) / (high - low), "none")
    if polarity == "MONOCHROME1":  # over the nominal range, whatever the image contains
        values = 1.0 - values
    return Grey(values.astype(np.float32), _padding(header, stored), window, polarity, notes)


def stored_values(bits: int, *, signed: bool) -> np.ndarray:
    """The value that each bit pattern stands for, (2^bits,) float64.

    >>> stored_values(2, signed=True)
    array([ 0.,  1., -2., -1.])
    """
    patterns = np.arange(1 << bits, dtype=np.float64)
    negative = signed & (patterns >= 1 << (bits - 1))
    return patterns - negative * float(1 << bits)


def linear(x: np.ndarray, *, centre: float, width: float) -> np.ndarray:
    """C.11.2.1.2.1, to the range 0 to 1. Width is at least 1."""
    if width <= 1:
        return (x > centre - 0.5).astype(np.float64)
    return np.clip((x - (centre - 0.5)) / (width - 1) + 0.5, 0.0, 1.0)


def linear_exact(x: np.ndarray, *, centre: float, width: float) -> np.ndarray:
    """C.11.2.1.3.2, to the range 0 to 1."""
    return np.clip((x - centre) / width + 0.5, 0.0, 1.0)


def sigmoid(x: np.ndarray, *, centre: float, width: float) -> np.ndarray:
    """C.11.2.1.3.1, to the range 0 to 1."""
    return 1.0 / (1.0 + np.exp(np.clip(-4.0 * (x - centre) / width, -700, 700)))


_FUNCTIONS = {"LINEAR": linear, "LINEAR_EXACT": linear_exact, "SIGMOID": sigmoid}


def apply_table(pixels: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Look up every pixel: table[pixels], (H, W) of the table's type.

    Args:
        pixels: (H, W) uint8 or uint16, each below the length of the table.
        table: (n,) float32, uint8 or bool.
    """
    size = 1 << (8 * pixels.dtype.itemsize)
    whole = np.zeros(size, np.uint8 if table.dtype == bool else table.dtype)
    whole[: len(table)] = table[:size]
    return cv2.LUT(pixels, whole).view(table.dtype)


def _modality(
    header: Dataset, stored: np.ndarray, notes: list[str]
) -> tuple[np.ndarray, float, float, str]:
    """Values after C.11.1, the ends of the nominal range of that step, and why it is left out."""
    lost = next(iter(not_items(header, ["ModalityLUTSequence"])), "")
    if tables := _tables(header, "ModalityLUTSequence"):
        try:
            values, largest = _look_up(tables[0], stored, notes)
            return values, 0.0, largest, ""
        except ValueError as problem:
            lost = "the modality LUT cannot be used"
            notes.append(f"modality LUT left out: {problem}")
    for name in _RESCALING:
        if is_unreadable(header, name):
            lost = f"{dictionary_description(name)} cannot be read"
    slope, intercept = number(header, "RescaleSlope"), number(header, "RescaleIntercept") or 0.0
    if slope == 0:
        lost = "Rescale Slope is 0"
        notes.append(f"{lost}: rescaling left out")
        intercept = 0.0
    slope = slope or 1.0
    values = stored * slope + intercept
    low, high = float(values.min()), float(values.max())
    if not np.isfinite([low, high]).all() or low == high:
        raise Unusable("failed", f"Rescale Slope {slope:g} and Intercept {intercept:g} lose all")
    return values, low, high, lost


def _voi(
    header: Dataset, x: np.ndarray, prefer_lut: bool, notes: list[str]
) -> tuple[np.ndarray, str] | None:
    """Values through the first VOI LUT, or the first window, and its name; None without both."""
    ways = (_through_lut, _through_window)
    for way in ways if prefer_lut else reversed(ways):
        if found := way(header, x, notes):
            return found
    return None


def _through_lut(header: Dataset, x: np.ndarray, notes: list[str]) -> tuple[np.ndarray, str] | None:
    tables = _tables(header, "VOILUTSequence")
    if not tables:
        return None
    try:
        values, largest = _look_up(tables[0], x, notes)
    except ValueError as problem:
        notes.append(f"VOI LUT left out: {problem}")
        return None
    return values / largest, f"VOI LUT{_which(word(tables[0], 'LUTExplanation'), len(tables))}"


def _through_window(
    header: Dataset, x: np.ndarray, notes: list[str]
) -> tuple[np.ndarray, str] | None:
    window = _window(header, notes)
    if not window:
        return None
    function, centre, width = window
    which = _which(word(header, "WindowCenterWidthExplanation"), len(words(header, "WindowCenter")))
    values = _FUNCTIONS[function](x, centre=centre, width=width)
    return values, f"{function} {centre:g}/{width:g}{which}"


def _which(explanation: str, count: int) -> str:
    """The name of an alternative and of how many it is the first.

    >>> _which("NORMAL", 3)
    ' NORMAL (1 of 3)'
    """
    name = known_words(explanation, EXPLANATIONS)[:_EXPLANATION]
    return (f" {name}" if name else "") + (f" (1 of {count})" if count > 1 else "")


def _window(header: Dataset, notes: list[str]) -> tuple[str, float, float] | None:
    centre, width = number(header, "WindowCenter"), number(header, "WindowWidth")
    notes += notes_on_numbers(header, [k for k in _WINDOW if as_written(header, k)], single=False)
    if centre is None or width is None:
        if "WindowCenter" in header or "WindowWidth" in header:
            notes.append("window incomplete: left out")
        return None
    function = word(header, "VOILUTFunction") or "LINEAR"
    if function not in _FUNCTIONS:
        notes.append(f"VOI LUT Function '{function}' is unknown: taken as LINEAR")
        function = "LINEAR"
    if width <= 0 or (function == "LINEAR" and width < 1):
        notes.append(f"Window Width {width:g} is not allowed: window left out")
        return None
    return function, centre, width


def _tables(header: Dataset, keyword: str) -> list[Dataset]:
    """The items of a LUT sequence that have a table in them."""
    return [item for item in items(header, keyword) if item.get("LUTDescriptor")]


def _look_up(item: Dataset, x: np.ndarray, notes: list[str]) -> tuple[np.ndarray, float]:
    """Values through a table, C.11.1.1 and C.11.2.1.1; what lies outside goes to its ends.

    Args:
        item: with LUT Descriptor and LUT Data.
        x: all the values that the step before can give.

    Returns:
        float64 like x, and the largest value of the range of the table, not of its entries.
    """
    descriptor = [int(value) for value in numbers(item, "LUTDescriptor")]
    if len(descriptor) != 3:
        raise ValueError(f"its LUT Descriptor must have 3 values, not {len(descriptor)}")
    count, bits = descriptor[0] & 0xFFFF or 65536, descriptor[2]
    first = _with_sign_of(x, descriptor[1])
    entries = _entries(item, count, bits)
    if len(entries) > count + 1:  # of bytes there may be one more, so that they are even
        notes.append(f"a LUT has {len(entries)} entries, not {count}: the first are taken")
    entries = entries[:count]
    if len(entries) < count or not 1 <= bits <= 16:
        raise ValueError(f"it has {len(entries)} entries of {bits} bit, not {count}")
    largest = int(entries.max())
    if largest >= 1 << bits:
        notes.append(f"LUT entries up to {largest} do not fit its {bits} bit: taken as wider")
        bits = largest.bit_length()
    index = np.clip(np.rint(x) - first, 0, count - 1).astype(np.intp)
    return entries[index], float((1 << bits) - 1)


def _entries(item: Dataset, count: int, bits: int) -> np.ndarray:
    """The entries as float64; of up to 8 bit there may be two in a word."""
    data = item.get("LUTData")
    if data in (None, ""):
        return np.empty(0)
    if not isinstance(data, bytes):
        values = np.atleast_1d(np.asarray(data, np.int64))
        data = (values & 0xFFFF).astype("<u2").tobytes()
    packed = len(data) == count + count % 2 and bits <= 8
    whole = data[: len(data) // 2 * 2]
    return np.frombuffer(whole, np.uint8 if packed else "<u2").astype(np.float64)


def _padding(header: Dataset, stored: np.ndarray) -> np.ndarray | None:
    """(0028,0120) Pixel Padding Value to (0028,0121) Range Limit, both inclusive: C.7.5.1.1.2."""
    value = number(header, "PixelPaddingValue")
    if value is None:
        return None
    limit = number(header, "PixelPaddingRangeLimit")
    ends = [_with_sign_of(stored, end) for end in (value, value if limit is None else limit)]
    return (stored >= min(ends)) & (stored <= max(ends))


def _with_sign_of(values: np.ndarray, value: float) -> float:
    """A 16-bit value as signed as those that it stands for; files and pydicom confuse US and SS."""
    if values.min() < 0 and value > 32767:
        return value - 65536
    return value + 65536 if values.min() >= 0 and value < 0 else value
