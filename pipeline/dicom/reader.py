"""One DICOM file to a mammogram: decoded, in grey values, with its spacing and its side.

Every image of every data set comes through here, for training and for heatmaps alike.
"""

import hashlib
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import imagecodecs
import numpy as np
from pydicom.dataset import Dataset

from pipeline.config import DicomSettings
from pipeline.dicom.attributes import (
    check_kind,
    check_size,
    check_view,
    implant,
    intent,
    scanner,
    transfer_syntax,
)
from pipeline.dicom.decode import OVERLAY_BIT_POSITIONS, Stored, decode, pixel_format
from pipeline.dicom.greyscale import Grey, apply_table, grey_tables
from pipeline.dicom.multiframe import chosen_frame, with_functional_groups
from pipeline.dicom.opening import DICOM_ERRORS, HEADER_BYTES, is_dicom, open_dicom
from pipeline.dicom.side_and_view import HEADER_TAGS, laterality, laterality_source, view
from pipeline.dicom.spacing import magnification, pixel_spacing
from pipeline.dicom.unusable import Unusable, one_line

__all__ = ["Mammogram", "Unusable", "read_mammogram"]

# All that is asked of a header; whatever else is in it is passed over.
_TAGS = (
    *HEADER_TAGS,
    *OVERLAY_BIT_POSITIONS,
    "BitsAllocated",
    "BitsStored",
    "BreastImplantPresent",
    "Columns",
    "DirectoryRecordSequence",
    "EstimatedRadiographicMagnificationFactor",
    "ExtendedOffsetTable",
    "ExtendedOffsetTableLengths",
    "HighBit",
    "ImageType",
    "ImagerPixelSpacing",
    "Manufacturer",
    "ManufacturerModelName",
    "ModalityLUTSequence",
    "NominalScannedPixelSpacing",
    "NumberOfFrames",
    "PartialView",
    "PerFrameFunctionalGroupsSequence",
    "PhotometricInterpretation",
    "PixelAspectRatio",
    "PixelPaddingRangeLimit",
    "PixelPaddingValue",
    "PixelRepresentation",
    "PixelSpacing",
    "PixelSpacingCalibrationType",
    "PresentationIntentType",
    "RescaleIntercept",
    "RescaleSlope",
    "Rows",
    "SamplesPerPixel",
    "VOILUTFunction",
    "VOILUTSequence",
    "WindowCenter",
    "WindowCenterWidthExplanation",
    "WindowWidth",
)
_HASH_BLOCK = 2**16  # values


@dataclass(frozen=True)
class Mammogram:
    """A decoded mammogram and what its header says."""

    pixels: np.ndarray  # (H, W) float32 presentation values in 0..1, dense tissue bright
    valid: np.ndarray | None  # (H, W) bool, False where the scanner padded; None: all valid
    spacing_mm: float
    spacing_source: str
    laterality: str  # L, R or ""
    view: str  # CC, MLO, ... or ""
    window: str  # e.g. "LINEAR 2048/4096", "VOI LUT NORMAL (1 of 3)" or "none"
    polarity: str  # MONOCHROME1 or MONOCHROME2, before it was undone
    scanner: str
    codec: str  # what the pixels are, whatever the transfer syntax says
    pixel_sha256: str  # of the stored values and their shape
    notes: list[str]  # doubts
    laterality_source: str = ""  # the attribute it is from
    view_source: str = ""
    modifiers: list[str] = field(default_factory=list)  # of the view
    intent: str = ""  # FOR PRESENTATION, FOR PROCESSING or ""
    implant: str = ""  # yes, no or ""
    magnification: float | None = None  # None where the file has no plausible one
    transfer_syntax: str = ""  # as labelled
    frame: int = 0  # which of several, from 0


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
            raise Unusable("failed", f"cannot be read: {one_line(error)}") from error
    said = dict.fromkeys(one_line(w.message) for w in caught)
    mammogram.notes.extend(list(said)[:3])
    return mammogram


def _read(path: Path, settings: DicomSettings, spacing_mm: float | None) -> Mammogram:
    if not is_dicom(path):
        raise Unusable("skipped", "not a DICOM file")
    most_bytes = 2 * settings.max_megapixels * 10**6 + HEADER_BYTES
    with open_dicom(path, tags=_TAGS, max_bytes=most_bytes) as (top, pixels):
        check_kind(top, settings)
        frame = chosen_frame(top, settings)
        header = with_functional_groups(top, frame)
        seen, view_notes = view(header)
        check_view(header, seen, settings)
        mm, spacing_source, spacing_notes = pixel_spacing(header, spacing_mm)
        expected = pixel_format(header)
        check_size(*expected.shape, settings)
        stored = decode(header, pixels, expected, frame=frame)
    side, side_notes = laterality(header)
    grey = _grey(header, stored, settings)
    return Mammogram(
        pixels=apply_table(stored.pixels, grey.values),
        valid=_valid(stored, grey),
        spacing_mm=mm,
        spacing_source=spacing_source,
        laterality=side,
        view=seen.name,
        window=grey.window,
        polarity=grey.polarity,
        scanner=scanner(header),
        codec=stored.codec,
        pixel_sha256=pixel_sha256(stored.pixels),
        notes=[*side_notes, *view_notes, *spacing_notes, *stored.notes, *grey.notes],
        laterality_source=laterality_source(header),
        view_source=seen.source,
        modifiers=list(seen.modifiers),
        intent=intent(header),
        implant=implant(header, seen),
        magnification=magnification(header),
        transfer_syntax=transfer_syntax(header),
        frame=frame,
    )


def pixel_sha256(pixels: np.ndarray) -> str:
    """Equal for identical images in different files: SHA-256 of shape, type and checksums.

    The checksums are CRC-32 of 2^16 values each: twenty times as fast as SHA-256 of the values,
    and no two mammograms differ in one block only, by just the right values.
    """
    digest = hashlib.sha256(f"{pixels.shape} {pixels.dtype.name}".encode())
    values = np.ascontiguousarray(pixels).reshape(-1)
    for start in range(0, len(values), _HASH_BLOCK):
        block = values[start : start + _HASH_BLOCK]
        digest.update(imagecodecs.zlibng_crc32(block).to_bytes(4, "little"))
    return digest.hexdigest()


def _grey(header: Dataset, stored: Stored, settings: DicomSettings) -> Grey:
    """The grey-scale tables; a window that leaves nothing of the image is left out."""
    options = {"bits": stored.bits, "signed": stored.signed}
    grey = grey_tables(header, prefer_lut=settings.prefer_lut, **options)
    if grey.window == "none":
        return grey
    low, high = _ends(stored)
    if grey.values[low] != grey.values[high] or low == high:
        return grey
    plain = grey_tables(header, use_window=False, **options)
    plain.notes.append(f"the window {grey.window} shows nothing of the image: left out")
    return plain


def _ends(stored: Stored) -> tuple[int, int]:
    """The patterns of the smallest and the largest value of an image."""
    flip = 1 << (stored.bits - 1) if stored.signed else 0
    order = stored.pixels ^ stored.pixels.dtype.type(flip) if flip else stored.pixels
    return int(order.min()) ^ flip, int(order.max()) ^ flip


def _valid(stored: Stored, grey: Grey) -> np.ndarray | None:
    if grey.padding is None:
        return None
    padding = np.flatnonzero(grey.padding)
    if len(padding) == 1:  # three times as fast
        valid = stored.pixels != int(padding[0])
    else:
        valid = apply_table(stored.pixels, ~grey.padding)
    return None if valid.all() else valid
