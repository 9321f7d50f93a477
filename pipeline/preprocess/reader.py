"""One DICOM file to a mammogram: decoded, in grey values, with its spacing and its side.

Every image of every data set comes through here, for training and for heatmaps alike.
"""

import hashlib
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from pipeline.config import DicomSettings
from pipeline.ingest.dicom_file import DICOM_ERRORS, is_dicom, read_dicom
from pipeline.ingest.mammogram_tags import laterality, view
from pipeline.preprocess.dicom.attributes import (
    check_kind,
    check_size,
    check_view,
    pixel_spacing,
    scanner,
)
from pipeline.preprocess.dicom.decode import Stored, decode, pixel_format
from pipeline.preprocess.dicom.greyscale import Grey, apply_table, grey_tables
from pipeline.preprocess.dicom.unusable import Unusable

__all__ = ["Mammogram", "Unusable", "read_mammogram"]


@dataclass(frozen=True)
class Mammogram:
    """A decoded mammogram and what its header says."""

    pixels: np.ndarray  # (H, W) float32 presentation values in 0..1, dense tissue bright
    valid: np.ndarray | None  # (H, W) bool, False where the scanner padded; None: all valid
    spacing_mm: float
    spacing_source: str
    laterality: str  # L, R or ""
    view: str  # CC, MLO, ... or ""
    window: str  # e.g. "LINEAR 2048/4096", "VOI LUT" or "none"
    polarity: str  # MONOCHROME1 or MONOCHROME2, before it was undone
    scanner: str
    codec: str
    pixel_sha256: str  # of the stored values and their shape
    notes: list[str]


def read_mammogram(
    path: Path, *, settings: DicomSettings, spacing_mm: float | None = None
) -> Mammogram:
    """Read one file.

    Args:
        spacing_mm: pixel spacing in mm, used where the file carries none.

    Raises:
        Unusable: the file is skipped or failed, with the reason.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            mammogram = _read(Path(path), settings, spacing_mm)
        except DICOM_ERRORS as error:
            raise Unusable("failed", f"{type(error).__name__}: {_one_line(error)}") from error
    said = dict.fromkeys(_one_line(w.message) for w in caught)
    mammogram.notes.extend(list(said)[:3])
    return mammogram


def _read(path: Path, settings: DicomSettings, spacing_mm: float | None) -> Mammogram:
    if not is_dicom(path):
        raise Unusable("skipped", "not a DICOM file")
    header = read_dicom(path, header_only=True)
    check_kind(header, settings)
    side, side_notes = laterality(header)
    seen, view_notes = view(header)
    check_view(header, seen, settings)
    mm, source, spacing_notes = pixel_spacing(header, spacing_mm)
    expected = pixel_format(header)
    check_size(*expected.shape, settings)
    most_bytes = 2 * settings.max_megapixels * 10**6
    stored = decode(read_dicom(path, header_only=False, max_bytes=most_bytes), expected)
    grey = _grey(header, stored, settings)
    return Mammogram(
        pixels=apply_table(stored.pixels, grey.values),
        valid=_valid(stored, grey),
        spacing_mm=mm,
        spacing_source=source,
        laterality=side,
        view=seen.name,
        window=grey.window,
        polarity=grey.polarity,
        scanner=scanner(header),
        codec=stored.codec,
        pixel_sha256=pixel_sha256(stored.pixels),
        notes=[
            *side_notes,
            *view_notes,
            *(f"view modifier {name}" for name in seen.modifiers),
            *spacing_notes,
            *stored.notes,
            *grey.notes,
        ],
    )


def pixel_sha256(pixels: np.ndarray) -> str:
    """SHA-256 of shape, type and values: equal for identical images in different files."""
    digest = hashlib.sha256(f"{pixels.shape} {pixels.dtype.name}".encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


def _grey(header: Dataset, stored: Stored, settings: DicomSettings) -> Grey:
    """The grey-scale tables; a window that leaves nothing of the image is left out."""
    options = {"bits": stored.bits, "signed": stored.signed}
    grey = grey_tables(header, prefer_lut=settings.prefer_lut, **options)
    if grey.window == "none" or stored.signed:
        return grey
    ends = grey.values[[stored.pixels.min(), stored.pixels.max()]]
    if ends[0] != ends[1] or stored.pixels.min() == stored.pixels.max():
        return grey
    plain = grey_tables(header, use_window=False, **options)
    plain.notes.append(f"the window {grey.window} shows nothing of the image: left out")
    return plain


def _valid(stored: Stored, grey: Grey) -> np.ndarray | None:
    if grey.padding is None:
        return None
    padding = apply_table(stored.pixels, grey.padding)
    return ~padding if padding.any() else None


def _one_line(error: object) -> str:
    return " ".join(str(error).split())[:300]
