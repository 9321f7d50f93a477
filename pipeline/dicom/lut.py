"""Look-up tables of DICOM files: PS3.3 C.11.1.1 and C.11.2.1.1."""

import numpy as np
from pydicom.dataset import Dataset

from pipeline.dicom.unusable import Unusable


def look_up(item: Dataset, x: np.ndarray, notes: list[str]) -> tuple[np.ndarray, float]:
    """Values through a table; what lies outside its input goes to its ends.

    Args:
        item: with LUT Descriptor and LUT Data.
        x: all the values that the step before can give.

    Returns:
        float64 like x, and the largest value of the range of the table, not of its entries.

    Raises:
        Unusable: failed, the table is not what its descriptor says.
    """
    descriptor = [int(value) for value in item.LUTDescriptor]
    if len(descriptor) != 3:
        raise Unusable("failed", f"LUT Descriptor must have 3 values, not {len(descriptor)}")
    count, first, bits = descriptor[0] & 0xFFFF or 65536, descriptor[1], descriptor[2]
    # The first value is signed when the values that it maps are; pydicom may not know.
    if first > 32767 and x.min() < 0:
        first -= 65536
    elif first < 0 and x.min() >= 0:
        first += 65536
    entries = _entries(item, count, bits)
    if len(entries) < count or not 1 <= bits <= 16:
        raise Unusable("failed", f"a LUT has {len(entries)} entries of {bits} bit, not {count}")
    largest = int(entries.max())
    if largest >= 1 << bits:
        notes.append(f"LUT entries up to {largest} do not fit its {bits} bit: taken as wider")
        bits = largest.bit_length()
    index = np.clip(np.rint(x) - first, 0, count - 1).astype(np.intp)
    return entries[index], float((1 << bits) - 1)


def _entries(item: Dataset, count: int, bits: int) -> np.ndarray:
    """The entries as float64; of up to 8 bit there may be two in a word."""
    data = item.get("LUTData")
    if data is None:
        return np.empty(0)
    if not isinstance(data, bytes):
        values = np.atleast_1d(np.asarray(data, np.int64))
        data = (values & 0xFFFF).astype("<u2").tobytes()
    packed = len(data) == count + count % 2 and bits <= 8
    whole = data[: len(data) // 2 * 2]
    return np.frombuffer(whole, np.uint8 if packed else "<u2")[:count].astype(np.float64)
