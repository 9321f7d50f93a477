"""From stored values to presentation values: PS3.3 C.11.1, C.11.2 and C.7.6.3.1.2.

Modality transformation, then VOI transformation, then polarity. Every step works on single
values, so the whole chain is one table with an entry for each possible stored value; an image
of any size then costs one look-up per pixel.
"""

from dataclasses import dataclass, field

import numpy as np
from pydicom.dataset import Dataset

from pipeline.ingest.dicom_values import number, word
from pipeline.preprocess.dicom.unusable import Unusable

FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")


@dataclass(frozen=True)
class Grey:
    """Tables indexed by the stored value (of a signed one, by its lowest `bits` bits).

    `values` run from 0 to 1, the nominal range of the last step; dense tissue is bright.
    """

    values: np.ndarray  # (2^bits,) float32
    padding: np.ndarray | None  # (2^bits,) bool; None where the file names no padding
    window: str  # what the VOI transformation was, for the record
    polarity: str
    notes: list[str] = field(default_factory=list)


def grey_tables(
    dataset: Dataset,
    *,
    bits: int,
    signed: bool,
    prefer_lut: bool = False,
    use_window: bool = True,
) -> Grey:
    """Tables of the grey-scale chain of a data set.

    Args:
        bits: Bits Stored.
        prefer_lut: take the VOI LUT Sequence where there is a window as well; PS3.3 C.11.2
            calls them alternatives.
        use_window: False leaves out the VOI transformation.

    Raises:
        Unusable: the polarity or the rescaling is not defined.
    """
    notes: list[str] = []
    polarity = word(dataset, "PhotometricInterpretation")
    if polarity not in ("MONOCHROME1", "MONOCHROME2"):
        raise Unusable("skipped", f"Photometric Interpretation is {polarity or 'missing'}")
    stored = stored_values(bits, signed=signed)
    modality, low, high = _modality(dataset, stored)
    windowed, window = None, "none"
    if use_window:
        windowed, window = _voi(dataset, modality, prefer_lut, notes)
    values = (modality - low) / (high - low) if windowed is None else windowed
    if polarity == "MONOCHROME1":  # over the nominal range, whatever the image contains
        values = 1.0 - values
    return Grey(values.astype(np.float32), _padding(dataset, stored), window, polarity, notes)


def stored_values(bits: int, *, signed: bool) -> np.ndarray:
    """The value that each bit pattern stands for, (2^bits,) float64.

    >>> stored_values(2, signed=True)
    array([ 0.,  1., -2., -1.])
    """
    patterns = np.arange(1 << bits, dtype=np.float64)
    return (
        np.where(patterns < (1 << (bits - 1)), patterns, patterns - (1 << bits))
        if signed
        else (patterns)
    )


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


def apply_table(pixels: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Look up every pixel: table[pixels], in blocks of rows, because numpy widens the index."""
    out = np.empty(pixels.shape, table.dtype)
    for start in range(0, pixels.shape[0], 256):
        np.take(table, pixels[start : start + 256], out=out[start : start + 256], mode="clip")
    return out


def _modality(dataset: Dataset, stored: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Values after C.11.1, and the nominal range of that step."""
    table = _table_of(dataset, "ModalityLUTSequence")
    if table is not None:
        values, largest = _look_up(table, stored)
        return values, 0.0, largest
    slope, intercept = number(dataset, "RescaleSlope"), number(dataset, "RescaleIntercept")
    slope = 1.0 if slope is None else slope
    if slope == 0:
        raise Unusable("failed", "Rescale Slope is 0")
    values = stored * slope + (intercept or 0.0)
    return values, float(values.min()), float(values.max())


def _voi(
    dataset: Dataset, x: np.ndarray, prefer_lut: bool, notes: list[str]
) -> tuple[np.ndarray | None, str]:
    """The first window, or the first VOI LUT; None where there is neither."""
    table = _table_of(dataset, "VOILUTSequence")
    window = _window(dataset, notes)
    if table is not None and (prefer_lut or window is None):
        values, largest = _look_up(table, x)
        return values / largest, "VOI LUT"
    if window is None:
        return None, "none"
    function, centre, width = window
    transform = {"LINEAR": linear, "LINEAR_EXACT": linear_exact, "SIGMOID": sigmoid}[function]
    return transform(x, centre=centre, width=width), f"{function} {centre:g}/{width:g}"


def _window(dataset: Dataset, notes: list[str]) -> tuple[str, float, float] | None:
    centre, width = number(dataset, "WindowCenter"), number(dataset, "WindowWidth")
    if centre is None or width is None:
        if "WindowCenter" in dataset or "WindowWidth" in dataset:
            notes.append("window incomplete: left out")
        return None
    function = word(dataset, "VOILUTFunction") or "LINEAR"
    if function not in FUNCTIONS:
        notes.append(f"VOI LUT Function {function} is unknown: taken as LINEAR")
        function = "LINEAR"
    if width <= 0 or (function == "LINEAR" and width < 1):
        notes.append(f"Window Width {width:g} is not allowed: window left out")
        return None
    return function, centre, width


def _table_of(dataset: Dataset, keyword: str) -> Dataset | None:
    """The first item of a LUT sequence; None where it is missing or has no table in it."""
    items = dataset.get(keyword) or []
    return items[0] if len(items) and items[0].get("LUTDescriptor") else None


def _look_up(item: Dataset, x: np.ndarray) -> tuple[np.ndarray, float]:
    """C.11.1.1.1: values through a LUT, and the largest value of its range."""
    descriptor = [int(value) for value in item.LUTDescriptor]
    count, first, bits = descriptor[0] or 65536, descriptor[1], descriptor[2]
    # The first value is signed when the values that it maps are; pydicom may not know.
    if first > 32767 and x.min() < 0:
        first -= 65536
    data = item.LUTData
    if isinstance(data, bytes):
        packed = len(data) == count + count % 2 and bits <= 8
        data = np.frombuffer(data, np.uint8 if packed else "<u2")
    entries = np.atleast_1d(np.asarray(data, np.float64))[:count]
    if len(entries) < count or not 1 <= bits <= 16:
        raise Unusable("failed", f"a LUT has {len(entries)} entries of {bits} bit, not {count}")
    index = np.clip(np.rint(x) - first, 0, count - 1).astype(np.intp)
    return entries[index], float((1 << bits) - 1)


def _padding(dataset: Dataset, stored: np.ndarray) -> np.ndarray | None:
    """(0028,0120) Pixel Padding Value to (0028,0121) Range Limit, both inclusive: C.7.5.1.1.2."""
    value = number(dataset, "PixelPaddingValue")
    if value is None:
        return None
    limit = number(dataset, "PixelPaddingRangeLimit")
    ends = sorted((value, value if limit is None else limit))
    return (stored >= ends[0]) & (stored <= ends[1])
