"""Which images are read: grey projections of the modality, views, frames and size asked for.

Each check lets pass what the settings ask for, and raises `Unusable` with the reason for others.
"""

from collections.abc import Sequence

from pydicom.dataset import Dataset
from pydicom.uid import UID

from pipeline.config import DicomSettings
from pipeline.dicom.elements import count, number, word
from pipeline.dicom.header import DICOMDIR, intent, modality, sop_class
from pipeline.dicom.side_and_view import SCREENING_MODIFIERS
from pipeline.dicom.unusable import Unusable

_OTHER_IMAGES = ("SPECIMEN", "STEREO", "SCOUT")


def check_kind(header: Dataset, settings: DicomSettings) -> None:
    """Let pass what is a grey-scale projection image of the right modality."""
    kind = sop_class(header)
    if kind == DICOMDIR or "DirectoryRecordSequence" in header:
        raise Unusable("skipped", "DICOMDIR, a list of other files")
    check_modality(modality(header), settings)
    if number(header, "Rows") is None and number(header, "Columns") is None:
        name = UID(kind).name
        raise Unusable("skipped", "no image in it" + ("" if name == kind else f": {name}"))
    polarity = word(header, "PhotometricInterpretation")
    if polarity not in ("MONOCHROME1", "MONOCHROME2"):
        what = f"Photometric Interpretation is {polarity or 'missing'}, not grey"
    elif (samples := number(header, "SamplesPerPixel") or 1) != 1:
        what = f"{samples:.0f} samples per pixel, not grey"
    elif (bits := number(header, "BitsAllocated")) == 1:
        what = "1 bit per pixel, a mask"
    elif bits in (32, 64):
        what = f"{bits:.0f} bits per pixel, a mammogram has 8 or 16"
    else:
        check_intent(intent(header), settings)
        return
    raise Unusable("skipped", what)


def check_modality(modality: str, settings: DicomSettings) -> None:
    """Let pass the modalities of `dicom.modalities`."""
    if settings.modalities != "any" and modality not in settings.modalities:
        wanted = ", ".join(settings.modalities)
        raise Unusable("skipped", f"Modality is {modality or 'missing'}, not {wanted}")


def check_intent(intent: str, settings: DicomSettings) -> None:
    """Let pass what is for presentation, and all with `dicom.for_processing`."""
    if not settings.for_processing and intent == "FOR PROCESSING":
        raise Unusable("skipped", "FOR PROCESSING (dicom.for_processing)")


def check_view(
    views: Sequence[str],
    modifiers: Sequence[str],
    image_type: Sequence[str],
    settings: DicomSettings,
) -> None:
    """Let pass the views of `dicom.views`, and an unknown one.

    Args:
        views: all that the file names.
    """
    if settings.views == "any":
        return
    others = [f"view {name}" for name in views if name not in settings.views]
    others += [f"view modifier {name}" for name in modifiers if name not in SCREENING_MODIFIERS]
    others += [f"Image Type {t}" for t in image_type if any(part in t for part in _OTHER_IMAGES)]
    if others:
        raise Unusable("skipped", f"{others[0]} (dicom.views)")


def check_size(rows: int, columns: int, settings: DicomSettings) -> None:
    """Refuse before decoding what would not fit into memory."""
    megapixels = rows * columns / 1e6
    if megapixels > settings.max_megapixels:
        raise Unusable("failed", f"{megapixels:.0f} megapixels, the limit is dicom.max_megapixels")


def chosen_frame(header: Dataset, settings: DicomSettings) -> int:
    """The number of the frame to read, from 0, by `dicom.frames`; of several none by default."""
    frames = count(header, "NumberOfFrames")
    if frames > 1 and settings.frames == "skip":
        raise Unusable("skipped", f"{frames} frames (dicom.frames)")
    return frames // 2 if frames > 1 and settings.frames == "middle" else 0
