"""Windows of stored mammograms that may stick out of them, as crops and patches do."""

import numpy as np

from pipeline.preprocess.store.entries import read_image


def read_window(
    store: str, row0: int, col0: int, height: int, width: int, *, image: tuple[int, int]
) -> np.ndarray:
    """Stored pixels of a window that may stick out of the image, there reflected as the maps are.

    Args:
        row0, col0: the first pixel of the window.
        image: height and width of the image.

    Returns:
        (height, width) uint16.
    """
    row1, col1 = row0 + height, col0 + width
    if row0 >= 0 and col0 >= 0 and row1 <= image[0] and col1 <= image[1]:
        return read_image(store, slice(row0, row1), slice(col0, col1))
    rows, cols = _reflected(row0, height, image[0]), _reflected(col0, width, image[1])
    first_row, first_col = rows.min(), cols.min()
    pixels = read_image(store, slice(first_row, rows.max() + 1), slice(first_col, cols.max() + 1))
    return pixels[np.ix_(rows - first_row, cols - first_col)]


def _reflected(start: int, size: int, length: int) -> np.ndarray:
    """Indices start ... start + size - 1, mirrored at the first and the last pixel."""
    period = max(2 * (length - 1), 1)
    index = np.arange(start, start + size) % period
    return np.minimum(index, period - index) if length > 1 else np.zeros(size, np.int64)
