"""What only the pixels tell: which file is a mask, and whether two mammograms are one."""

import warnings
from collections.abc import Sequence

import numpy as np

from pipeline.annotations.masks import MOST_PIXELS
from pipeline.dicom.any_pixels import read_any_pixels
from pipeline.dicom.file_format import DICOM_ERRORS
from pipeline.ingest.cbis_ddsm.files import NamedFile


def choose_mask(files: Sequence[NamedFile], shape: tuple[int, int] | None) -> NamedFile | None:
    """The mask among the files of an abnormality, which are a mask and a cropped image.

    The only one of the mammogram's size is the mask. Where sizes do not settle it, pixels are
    decoded: the two-valued file is the mask, or else one that cannot be decoded, so that whoever
    reads it reports why.

    Args:
        files: in the order of preference among equals.
        shape: rows and columns of the mammogram; None where they are unknown.
    """
    same = [file for file in files if file.shape is not None and file.shape == shape]
    if len(same) == 1:
        return same[0]
    graded = [(_grade(file), -_misfit(file.shape, shape), file) for file in same or files]
    if not graded:
        return None
    grade, _, best = max(graded, key=lambda each: each[:2])
    return best if grade else None


def difference(first: NamedFile, second: NamedFile) -> str:
    """Why two files cannot be taken for the same picture; "" where their pixels are equal."""
    if first.shape is not None and second.shape is not None and first.shape != second.shape:
        sizes = (f"{rows} x {cols}" for rows, cols in (first.shape, second.shape))
        return f"their sizes differ, {' and '.join(sizes)}"
    try:
        equal = np.array_equal(_pixels(first), _pixels(second))
    except DICOM_ERRORS as error:
        return f"their pixels cannot be compared ({error})"
    return "" if equal else "their pixels differ"


def _grade(file: NamedFile) -> int:
    """2: two-valued; 1: cannot be decoded; 0: neither, or too large to be tried."""
    if file.shape is not None and file.shape[0] * file.shape[1] > MOST_PIXELS:
        return 0
    try:
        pixels = _pixels(file)
    except DICOM_ERRORS:
        return 1
    low, high = pixels.min(), pixels.max()
    return 2 if low < high and np.all((pixels == low) | (pixels == high)) else 0


def _pixels(file: NamedFile) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the reader reads the file again and records them
        return read_any_pixels(file.file.path, most_pixels=MOST_PIXELS)


def _misfit(own: tuple[int, int] | None, wanted: tuple[int, int] | None) -> float:
    """How far the aspect ratio of a file is from that of its mammogram."""
    if own is None or wanted is None:
        return 0.0
    return abs(own[0] * wanted[1] / (own[1] * wanted[0]) - 1)
