"""One DICOM file to a mammogram: decoded, in grey values, with its spacing and its side.

Every image of every data set comes through here, for training and for heatmaps alike.
"""

import hashlib
import struct
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import imagecodecs
import numpy as np
from pydicom.dataset import Dataset

from pipeline.config import DicomSettings
from pipeline.dicom.elements import items, not_items, notes_on_numbers
from pipeline.dicom.file_format import DICOM_ERRORS, HEADER_BYTES, damage_of, is_dicom, open_dicom
from pipeline.dicom.header import implant, intent, modality, scanner, unknown_words
from pipeline.dicom.pixel_range import OVERLAY_BIT_POSITIONS, pixel_format
from pipeline.dicom.presentation import presentation
from pipeline.dicom.selection import (
    check_kind,
    check_size,
    check_view,
    chosen_frame,
    is_mammogram,
    other_image_types,
)
from pipeline.dicom.side_and_view import TAGS, laterality, view
from pipeline.dicom.spacing import magnification, pixel_spacing
from pipeline.dicom.stored_pixels import decode
from pipeline.dicom.unusable import Unusable, one_line

__all__ = ["Mammogram", "Unusable", "read_mammogram"]

# Numbers that are taken as absent where they are empty, which changes the grey values.
_NUMBERS = (
    *("HighBit", "PixelRepresentation", "PixelPaddingValue", "PixelPaddingRangeLimit"),
    *("RescaleIntercept", "RescaleSlope"),
)
_CUT_OFF = "the file ends in the middle of an element; copy or export it again"
# PS3.3 C.7.6.16.2: the macros whose attributes single-frame images have at the top.
_MACROS = ("PixelMeasuresSequence", "PixelValueTransformationSequence", "FrameVOILUTSequence")
# All that is asked of a header; whatever else is in it is passed over.
_TAGS: tuple[str | int, ...] = (
    *TAGS,
    *OVERLAY_BIT_POSITIONS,
    *_NUMBERS,
    # What it is.
    *("SOPClassUID", "Modality", "DirectoryRecordSequence", "ImageType", "PresentationIntentType"),
    "QualityControlImage",
    *("BreastImplantPresent", "Manufacturer", "ManufacturerModelName"),
    # The pixels.
    *("Rows", "Columns", "BitsAllocated", "BitsStored", "SamplesPerPixel", "NumberOfFrames"),
    *("PhotometricInterpretation", "ExtendedOffsetTable", "ExtendedOffsetTableLengths"),
    *("PerFrameFunctionalGroupsSequence",),
    # Their spacing.
    *("ImagerPixelSpacing", "NominalScannedPixelSpacing", "PixelSpacing", "PixelAspectRatio"),
    *("PixelSpacingCalibrationType", "EstimatedRadiographicMagnificationFactor"),
    # Their grey scale.
    *("ModalityLUTSequence", "VOILUTFunction", "VOILUTSequence", "WindowCenter", "WindowWidth"),
    *("WindowCenterWidthExplanation", "PresentationLUTShape"),
)
_SEQUENCES = (
    *("ViewCodeSequence", "VOILUTSequence", "ModalityLUTSequence"),
    *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
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
    pixel_sha256: str  # fingerprint of the stored values, see `pixel_sha256`
    notes: list[str]  # doubts
    laterality_source: str = ""  # the attribute it is from
    view_source: str = ""
    views: list[str] = field(default_factory=list)  # all that are named
    modifiers: list[str] = field(default_factory=list)  # of the view
    image_type: list[str] = field(default_factory=list)  # what else than a mammogram it is
    modality: str = ""
    intent: str = ""  # FOR PRESENTATION, FOR PROCESSING or ""
    implant: str = ""  # yes, no or ""
    magnification: float | None = None  # None where the file has no plausible one
    transfer_syntax: str = ""  # as labelled
    frame: int = 0  # which of several, from 0
    # (H, W) uint8 or uint16 before all grey scale; a negative value v as v + 2^bits. Empty unless
    # it is asked for: it would be half as much memory again.
    stored: np.ndarray = field(default_factory=lambda: np.empty((0, 0), np.uint16))


def read_mammogram(
    path: Path,
    *,
    settings: DicomSettings,
    spacing_mm: float | None = None,
    keep_stored: bool = False,
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
            mammogram = _read(Path(path), settings, spacing_mm, keep_stored)
        except DICOM_ERRORS as error:
            what = _CUT_OFF if isinstance(error, struct.error) else one_line(error)
            raise Unusable("failed", f"cannot be read: {what}") from error
    warned = dict.fromkeys(one_line(w.message) for w in caught)
    mammogram.notes.extend(list(warned)[:3])
    return mammogram


def _read(
    path: Path, settings: DicomSettings, spacing_mm: float | None, keep_stored: bool
) -> Mammogram:
    if not is_dicom(path):
        damage = damage_of(path)
        raise Unusable("failed", damage) if damage else Unusable("skipped", "not a DICOM file")
    most_bytes = 2 * settings.max_megapixels * 10**6 + HEADER_BYTES
    with open_dicom(path, tags=_TAGS, max_bytes=most_bytes) as (top, element):
        check_kind(top, settings)
        frame = chosen_frame(top, settings)
        header = _with_functional_groups(top, frame)
        seen, view_notes = view(header)
        image_types = other_image_types(top)
        check_view(seen.names, seen.modifiers, image_types, settings)
        mm, spacing_source, spacing_notes = pixel_spacing(
            header, spacing_mm, needed=is_mammogram(top, settings)
        )
        expected = pixel_format(header)
        check_size(*expected.shape, settings)
        stored = decode(header, element, expected, frame=frame, trust=settings.trust)
    side, side_source, side_notes = laterality(header)
    pixels, valid, grey = presentation(header, stored, settings)
    return Mammogram(
        pixels=pixels,
        valid=valid,
        spacing_mm=mm,
        spacing_source=spacing_source,
        laterality=side,
        view=seen.name,
        window=grey.window,
        polarity=grey.polarity,
        scanner=scanner(header),
        codec=stored.codec,
        pixel_sha256=pixel_sha256(stored.pixels),
        notes=[
            *(*side_notes, *view_notes, *spacing_notes, *stored.notes, *grey.notes),
            *(*notes_on_numbers(header, _NUMBERS), *not_items(header, _SEQUENCES)),
            *unknown_words(header),
        ],
        laterality_source=side_source,
        view_source=seen.source,
        views=list(seen.names),
        modifiers=list(seen.modifiers),
        image_type=image_types,
        modality=modality(header),
        intent=intent(header),
        implant=implant(header, seen),
        magnification=magnification(header),
        transfer_syntax=stored.label,
        frame=frame,
        stored=stored.pixels if keep_stored else np.empty((0, 0), stored.pixels.dtype),
    )


def pixel_sha256(pixels: np.ndarray) -> str:
    """A fingerprint: equal for identical images in different files.

    It is the SHA-256 of shape, type and the CRC-32 of each 2^16 values, and so no SHA-256 of the
    pixels: 27 MB take 1 ms instead of 13 (100 on processors without SHA instructions). Two
    mammograms by chance never agree in every block; who wants to forge one can. It keeps the name
    and the values that model.json of every release has.
    """
    digest = hashlib.sha256(f"{pixels.shape} {pixels.dtype.name}".encode())
    values = np.ascontiguousarray(pixels).reshape(-1)
    for start in range(0, len(values), _HASH_BLOCK):
        block = values[start : start + _HASH_BLOCK]
        # Any buffer is taken, whatever its types say.
        checksum = imagecodecs.zlibng_crc32(block)  # type: ignore[arg-type]
        digest.update(checksum.to_bytes(4, "little"))
    return digest.hexdigest()


def _with_functional_groups(header: Dataset, frame: int) -> Dataset:
    """The header with spacing, rescaling and window of one frame at the top.

    What a frame says for itself goes before what all share, and that before the top.
    """
    shared = items(header, "SharedFunctionalGroupsSequence")[:1]
    own = items(header, "PerFrameFunctionalGroupsSequence")[frame : frame + 1]
    macros = [item for group in (*shared, *own) for name in _MACROS for item in items(group, name)]
    if not macros:
        return header
    flat = Dataset()
    flat.file_meta = header.file_meta
    for part in (header, *macros):
        flat.update(part)
    return flat
