"""Which images are read: grey projections of the modality, views, frames and size asked for.

Each check lets pass what the settings ask for, and raises `Unusable` with the reason for others.
"""

from collections.abc import Sequence
from typing import NoReturn

from pydicom.dataset import Dataset
from pydicom.uid import UID

from pipeline.config import DicomSettings
from pipeline.dicom.elements import count, number, word, words
from pipeline.dicom.header import DICOMDIR, intent, modality, name_without_image, sop_class
from pipeline.dicom.known_words import COLOURS, MODALITIES, OTHER, known
from pipeline.dicom.side_and_view import SCREENING_MODIFIERS
from pipeline.dicom.unusable import Unusable

# Of Image Type. Beside the low-energy image of contrast enhanced
# mammography, which is a mammogram, there are one of high energy and their difference.
_OTHER_IMAGES = (
    *("SPECIMEN", "STEREO", "SCOUT"),
    *("SUBTRACTION", "SUBTRACTED", "RECOMBINED", "HIGH_ENERGY"),
)
_TOMOSYNTHESIS = "TOMOSYNTHESIS"
_QUALITY_CONTROL = "QUALITY CONTROL"  # of a detector or a test object, which stand for a breast
_FLAT = "2D"  # in Image Type, as in GENERATED_2D: a mammogram made of or beside a tomosynthesis
_GREY = ("MONOCHROME1", "MONOCHROME2")
# PS3.3 C.7.6.3.1.2: how the names of all others begin.
_COLOURS = ("RGB", "YBR", "PALETTE", "HSV", "ARGB", "CMYK", "XYB")
# Storage of mammography, tomosynthesis and its projections; of digital and computed radiography
# and secondary captures, in which there are mammograms too.
_MAY_BE_MAMMOGRAMS = frozenset(
    f"1.2.840.10008.5.1.4.1.1.{end}"
    for end in (
        *("1.2", "1.2.1", "13.1.3", "13.1.4", "13.1.5"),
        *("1", "1.1", "1.1.1", "7", "7.1", "7.2", "7.3", "7.4"),
    )
)
_TOMOSYNTHESES = tuple(f"1.2.840.10008.5.1.4.1.1.13.1.{end}" for end in (3, 4, 5))
NO_IMAGE = "no image in it"
_ENDS_EARLY = (
    "the header ends before {}: the file is cut off, or an element in front of it is damaged; "
    "copy or export it again"
)


def check_kind(header: Dataset, settings: DicomSettings) -> None:
    """Let pass what is a grey-scale projection image of the right modality."""
    kind = sop_class(header)
    if kind == DICOMDIR or "DirectoryRecordSequence" in header:
        raise Unusable("skipped", "DICOMDIR, a list of other files")
    has_size = number(header, "Rows") is not None or number(header, "Columns") is not None
    if not has_size and (name := name_without_image(kind)):
        raise Unusable("skipped", f"{NO_IMAGE}: {name}")
    if not has_size and not modality(header) and kind in _MAY_BE_MAMMOGRAMS:
        raise Unusable("failed", _ENDS_EARLY.format("its Modality"))
    check_modality(modality(header), settings)
    if not has_size:
        _check_no_image(header, kind, settings)
    polarity = word(header, "PhotometricInterpretation")
    if not polarity.startswith(_COLOURS) and polarity not in _GREY:
        found = f"is '{polarity}', which is unknown" if polarity else "is missing"
        raise Unusable("failed", f"Photometric Interpretation {found}")
    if polarity not in _GREY:
        what = f"Photometric Interpretation is {known(polarity, COLOURS)}, not grey"
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


def _check_no_image(header: Dataset, kind: str, settings: DicomSettings) -> NoReturn:
    """Tell a mammogram whose image is lost from what never had one."""
    name = UID(kind).name
    if is_mammogram(header, settings) and (kind in _MAY_BE_MAMMOGRAMS or not kind):
        check_intent(intent(header), settings)
        raise Unusable("failed", _ENDS_EARLY.format("the image's description"))
    raise Unusable("skipped", NO_IMAGE + ("" if name == kind else f": {name}"))


def is_mammogram(header: Dataset, settings: DicomSettings) -> bool:
    """Whether the modality says so, or is one of those that the user has named."""
    wanted = ("MG",) if settings.modalities == "any" else settings.modalities
    return modality(header) in wanted


def check_modality(modality: str, settings: DicomSettings) -> None:
    """Let pass the modalities of `dicom.modalities`."""
    if settings.modalities != "any" and modality not in settings.modalities:
        wanted = ", ".join(settings.modalities)
        found = known(modality, MODALITIES) or "missing"
        raise Unusable("skipped", f"Modality is {found}, not {wanted} (dicom.modalities)")


def check_intent(intent: str, settings: DicomSettings) -> None:
    """Let pass what is for presentation, and all with `dicom.for_processing`."""
    if not settings.for_processing and intent == "FOR PROCESSING":
        raise Unusable("skipped", "FOR PROCESSING (dicom.for_processing)")


def check_view(
    views: Sequence[str],
    modifiers: Sequence[str],
    image_types: Sequence[str],
    settings: DicomSettings,
) -> None:
    """Let pass the views of `dicom.views`, and an unknown one.

    Args:
        views: all that the file names.
        image_types: as `other_image_types` gives them.
    """
    if settings.views == "any":
        return
    others = [f"view {name}" for name in views if name not in settings.views]
    others += [f"view modifier {name}" for name in modifiers if name not in SCREENING_MODIFIERS]
    others += [f"Image Type {kind}" for kind in image_types if kind != OTHER]
    if others:
        raise Unusable("skipped", f"{others[0]} (dicom.views)")


def other_image_types(header: Dataset) -> list[str]:
    """What an image is that is no mammogram, by Image Type and Quality Control Image; [] for one.

    A slice or a projection of a tomosynthesis that has a file of its own is one of many; which
    frame of a file with all of them is read, `dicom.frames` says.
    """
    texts = words(header, "ImageType")
    found = [kind for kind in _OTHER_IMAGES if any(kind in text for text in texts)]
    flat = any(_FLAT in text for text in texts)
    named = any(text.startswith("TOMO") for text in texts)
    if count(header, "NumberOfFrames") == 1 and not flat:
        found += [_TOMOSYNTHESIS] if named or sop_class(header) in _TOMOSYNTHESES else []
    found += [_QUALITY_CONTROL] if word(header, "QualityControlImage") == "YES" else []
    return found


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
