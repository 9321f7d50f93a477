"""What a header says of a file: whose it is, which kind, on which machine it was made.

`read_header` is for whoever sorts files, `described` for people.
"""

import contextlib
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import UID

from pipeline.dicom import side_and_view
from pipeline.dicom.elements import number, word, words
from pipeline.dicom.file_format import DICOM_ERRORS, read_dicom, transfer_syntax
from pipeline.dicom.known_words import MODALITIES
from pipeline.run.checksum import value_sha256

DICOMDIR = "1.2.840.10008.1.3.10"
# Modality and intent that Digital Mammography and Digital X-Ray Image Storage stand for.
_MEANT = {
    "1.2.840.10008.5.1.4.1.1.1.2": ("MG", "FOR PRESENTATION"),
    "1.2.840.10008.5.1.4.1.1.1.2.1": ("MG", "FOR PROCESSING"),
    "1.2.840.10008.5.1.4.1.1.1.1": ("", "FOR PRESENTATION"),
    "1.2.840.10008.5.1.4.1.1.1.1.1": ("", "FOR PROCESSING"),
}
# In the names of what has no image of a breast, but may say or show where something was found; and
# of what else has none.
_MARKS = re.compile(r"Presentation State|(?<!Dose )\bSR\b|Segmentation|Structure Set|Annotation")
_NO_IMAGE = re.compile(rf"{_MARKS.pattern}|\bSR\b|Key Object|^Encapsulated")
_INTENTS = ("FOR PRESENTATION", "FOR PROCESSING")
_TAGS = (
    *("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "Modality"),
    *("PatientID", "PatientName", "PatientBirthDate", "IssuerOfPatientID", "Rows", "Columns"),
    *("ImagerPixelSpacing", "PixelSpacing", *side_and_view.TAGS),
)


@dataclass(frozen=True)
class Header:
    """What a file says of itself; "" or None where it says nothing that can be read."""

    patient_id: str = ""  # as it stands; some sets write more into it than the patient
    person: str = ""  # a hash of name and date of birth, to compare; "" without either
    birth_date: str = ""
    issuer: str = ""  # of the Patient ID, which another one may have given to another woman
    laterality: str = ""  # L or R
    view: str = ""  # CC, MLO, ... in capitals; "" where the file has only other words for it
    instance_uid: str = ""  # SOP Instance UID
    study_uid: str = ""
    series_uid: str = ""
    sop_class: str = ""
    modality: str = ""
    shape: tuple[int, int] | None = None  # rows and columns in pixels
    spacing_mm: float | None = None  # Imager Pixel Spacing, else Pixel Spacing, uncorrected
    is_directory: bool = False  # a DICOMDIR, a list of other files


def read_header(path: Path) -> Header | None:
    """Read who and what a DICOM file is about; None where its header is damaged.

    Warnings are left to the reader, which reads the file again and records them.

    Raises:
        OSError: the file cannot be opened.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            data = read_dicom(path, header_only=True, tags=_TAGS)
        except DICOM_ERRORS:
            return None
        said: dict[str, Any] = {}
        for name, value in _VALUES.items():
            with contextlib.suppress(*DICOM_ERRORS):
                said[name] = value(data)
        return Header(**said)


def reading_sha256(path: Path) -> str:
    """Checksum of what a file says of the kind of its image and of how its pixels are read.

    Group 0028, of the image and its pixels, group 0054 with the view, Image Type and Presentation
    Intent Type. "" where that cannot be read.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            data = read_dicom(path, header_only=True)
            said = Dataset()
            for tag in sorted(data.keys()):  # the others may be damaged
                if tag.group in (0x0028, 0x0054) or tag in (0x00080008, 0x00080068):
                    said[tag] = data[tag]
            return value_sha256([transfer_syntax(data.file_meta), said.to_json_dict()])
        except DICOM_ERRORS:
            return ""


def described(path: Path) -> dict[str, str]:
    """What the header says before anything is decoded, for people; "" where it says nothing.

    Raises:
        One of DICOM_ERRORS: it cannot be read.
    """
    header = read_dicom(path, header_only=True)
    syntax = transfer_syntax(header.file_meta)
    size = _shape(header)
    signed = "signed" if number(header, "PixelRepresentation") == 1 else "unsigned"
    bits = [_whole(header, name) for name in ("BitsStored", "BitsAllocated", "HighBit")]
    return {
        "kind": UID(_text(header, "SOPClassUID")).name,
        "modality": word(header, "Modality"),
        "transfer syntax": f"{syntax.name} ({syntax})" if syntax else "not named",
        "pixels": f"{size[0]} rows x {size[1]} columns" if size else "none",
        "frames": _whole(header, "NumberOfFrames"),
        "bits": f"{bits[0]} of {bits[1]}, high bit {bits[2]}, {signed}" if bits[0] else "",
        "photometric": word(header, "PhotometricInterpretation"),
        "image type": ", ".join(words(header, "ImageType")),
        "intent": word(header, "PresentationIntentType"),
    }


def intent(header: Dataset) -> str:
    """(0008,0068) Presentation Intent Type, else what the kind of image implies, else ""."""
    letters = re.sub(r"[\W_]", "", word(header, "PresentationIntentType"))
    said = next((each for each in _INTENTS if each.replace(" ", "") == letters), "")
    return said or _MEANT.get(sop_class(header), ("", ""))[1]


def modality(header: Dataset) -> str:
    """(0008,0060) Modality, else what the kind of image implies, else ""."""
    said, meant = word(header, "Modality"), _MEANT.get(sop_class(header), ("", ""))[0]
    return said if said in MODALITIES or not meant else meant


def unknown_words(header: Dataset) -> list[str]:
    """Notes on a modality and an intent that are none: the kind of image counts instead."""
    said, taken, notes = word(header, "Modality"), modality(header), []
    if said and taken != said:
        notes.append(f"Modality '{said}' is none: taken as {taken}")
    said = word(header, "PresentationIntentType")
    if said and (intent(header) or "none") != said:
        notes.append(f"Presentation Intent Type '{said}': taken as {intent(header) or 'none'}")
    return notes


def implant(header: Dataset, view: side_and_view.View) -> str:
    """yes, no or "": (0028,1300) Breast Implant Present, or a view that displaces one."""
    if side_and_view.IMPLANT_DISPLACED in view.modifiers:
        return "yes"
    return {"YES": "yes", "NO": "no"}.get(word(header, "BreastImplantPresent"), "")


def scanner(header: Dataset) -> str:
    """Manufacturer and model, for tables by scanner."""
    names = [_text(header, keyword) for keyword in ("Manufacturer", "ManufacturerModelName")]
    return " ".join(name for name in names if name)


def sop_class(header: Dataset) -> str:
    """SOP Class UID, of the data set or of group 0002."""
    return str(header.get("SOPClassUID") or header.file_meta.get("MediaStorageSOPClassUID") or "")


def name_without_image(sop_class: str) -> str:
    """What an object is that has no image of a breast, such as a report or marks, else ""."""
    name = UID(sop_class).name
    return name if _NO_IMAGE.search(name) else ""


def may_hold_marks(name: str) -> bool:
    """Whether such an object may say where something was found.

    >>> may_hold_marks("Segmentation Storage"), may_hold_marks("Encapsulated PDF Storage")
    (True, False)
    """
    return bool(_MARKS.search(name))


def _text(header: Dataset, keyword: str) -> str:
    return str(header.get(keyword) or "").strip(" \0\t\r\n")


def _person(name: str, birth_date: str) -> str:
    """The same for other capitals and separators; so no name leaves this file."""
    parts = re.findall(r"\w+", name.casefold())
    if not parts or not birth_date:
        return ""
    return value_sha256([*parts, birth_date])


def _whole(header: Dataset, keyword: str) -> str:
    value = number(header, keyword)
    return "" if value is None else f"{value:.0f}"


def _shape(header: Dataset) -> tuple[int, int] | None:
    rows, columns = number(header, "Rows"), number(header, "Columns")
    return (int(rows), int(columns)) if rows and columns else None


# Of a `Header`, each by itself: what is broken counts as absent.
_VALUES: dict[str, Callable[[Dataset], object]] = {
    "patient_id": lambda data: _text(data, "PatientID"),
    "person": lambda data: _person(_text(data, "PatientName"), _text(data, "PatientBirthDate")),
    "birth_date": lambda data: _text(data, "PatientBirthDate"),
    "issuer": lambda data: _text(data, "IssuerOfPatientID"),
    "laterality": lambda data: side_and_view.laterality(data)[0],
    "view": lambda data: re.sub(".*[^A-Z].*", "", side_and_view.view(data)[0].name),
    "instance_uid": lambda data: _text(data, "SOPInstanceUID"),
    "study_uid": lambda data: _text(data, "StudyInstanceUID"),
    "series_uid": lambda data: _text(data, "SeriesInstanceUID"),
    "sop_class": lambda data: _text(data, "SOPClassUID"),
    "modality": modality,
    "shape": _shape,
    "spacing_mm": lambda data: (
        number(data, "ImagerPixelSpacing") or number(data, "PixelSpacing") or None
    ),
    "is_directory": lambda data: (
        DICOMDIR in (sop_class(data), data.file_meta.get("MediaStorageSOPClassUID"))
    ),
}
