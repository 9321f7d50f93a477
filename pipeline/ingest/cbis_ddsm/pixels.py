"""What only the pixels tell: which file is a mask, and whether two mammograms are one."""

import warnings
from collections.abc import Sequence

import numpy as np
from pydicom.dataset import Dataset

from pipeline.dicom.opening import DICOM_ERRORS, read_dicom
from pipeline.ingest.cbis_ddsm.files import DicomFile

MAX_PIXELS = 150_000_000  # nothing larger is decoded; the films have up to 40 million


def choose_mask(files: Sequence[DicomFile], shape: tuple[int, int] | None) -> DicomFile | None:
    """The mask among the files of an abnormality, which are a mask and a cropped image.

    The only one of the mammogram's size is the mask. Where sizes do not settle it, pixels are
    decoded: the two-valued file is the mask, or else one that cannot be decoded, so that whoever
    reads it reports why.

    Args:
        files: in the order of preference among equals.
        shape: rows and columns of the mammogram; None where they are unknown.

    Returns:
        None where no file can be a mask.
    """
    same = [file for file in files if file.shape is not None and file.shape == shape]
    if len(same) == 1:
        return same[0]
    grades = {file.file.name: _grade(file) for file in same or files}
    possible = [file for file in same or files if grades[file.file.name]]
    ranked = sorted(possible, key=lambda f: (-grades[f.file.name], _misfit(f.shape, shape)))
    return ranked[0] if ranked else None


def difference(first: DicomFile, second: DicomFile) -> str:
    """Why two files cannot be taken for the same picture; "" where their pixels are equal."""
    if first.shape is not None and second.shape is not None and first.shape != second.shape:
        return f"their sizes differ, {_size(first.shape)} and {_size(second.shape)}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the reader reads them again and records them
        try:
            one, other = _read(first), _read(second)
            equal = _stored_alike(one, other) or np.array_equal(one.pixel_array, other.pixel_array)
        except DICOM_ERRORS as error:
            return f"their pixels cannot be compared ({error})"
    return "" if equal else "their pixels differ"


def _grade(file: DicomFile) -> int:
    """2: two-valued; 1: cannot be decoded; 0: neither, or too large to be tried."""
    if _is_too_large(file):
        return 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what matters is whether there are pixels
        try:
            pixels = _read(file).pixel_array
        except DICOM_ERRORS:
            return 1
    low, high = pixels.min(), pixels.max()
    return 2 if low < high and np.all((pixels == low) | (pixels == high)) else 0


def _misfit(own: tuple[int, int] | None, wanted: tuple[int, int] | None) -> float:
    """How far the aspect ratio of a file is from that of its mammogram."""
    if own is None or wanted is None:
        return 0.0
    return abs(own[0] * wanted[1] / (own[1] * wanted[0]) - 1)


def _read(file: DicomFile) -> Dataset:
    """All of a file.

    Raises:
        One of DICOM_ERRORS: it is damaged or too large.
    """
    if file.shape is None or _is_too_large(file):
        raise ValueError(f"{file.file.name} is damaged or too large")
    return read_dicom(file.file.path, header_only=False, max_bytes=4 * MAX_PIXELS)


def _is_too_large(file: DicomFile) -> bool:
    return file.shape is not None and file.shape[0] * file.shape[1] > MAX_PIXELS


def _stored_alike(one: Dataset, other: Dataset) -> bool:
    """Whether the bytes say so already, without decoding."""
    same_syntax = one.file_meta.TransferSyntaxUID == other.file_meta.TransferSyntaxUID
    return same_syntax and one.PixelData == other.PixelData


def _size(shape: tuple[int, int]) -> str:
    return f"{shape[0]} x {shape[1]}"
