"""What a header says of patient, side, view and size: for listing the files of a data set.

Nothing is judged here. Whether a file is a mammogram that can be used, the reader says.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydicom.dataset import Dataset

from pipeline.dicom.opening import DICOM_ERRORS, read_dicom
from pipeline.dicom.side_and_view import laterality, patient, view
from pipeline.dicom.values import number

DICOMDIR = "1.2.840.10008.1.3.10"  # Media Storage Directory Storage, PS3.4 annex B.5
_TAGS = [
    "SOPClassUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "PatientID",
    "ImageLaterality",
    "Laterality",
    "SharedFunctionalGroupsSequence",
    "PatientOrientation",
    "ViewPosition",
    "ViewCodeSequence",
    "Rows",
    "Columns",
    "ImagerPixelSpacing",
    "PixelSpacing",
]
Value = TypeVar("Value")


@dataclass(frozen=True)
class Header:
    """What a header says; "" and None where it says nothing or cannot be read.

    Attributes:
        patient: who was imaged, see `side_and_view.patient`.
        patient_id: (0010,0020) Patient ID as it is written.
        study_uid, series_uid: Study and Series Instance UID.
        laterality: L or R.
        view: CC, MLO, ...
        shape: rows and columns in pixels.
        spacing_mm: Imager Pixel Spacing or else Pixel Spacing, in mm, unchecked.
        is_directory: the file is a DICOMDIR, a list of other files.
    """

    patient: str = ""
    patient_id: str = ""
    study_uid: str = ""
    series_uid: str = ""
    sop_class: str = ""
    laterality: str = ""
    view: str = ""
    shape: tuple[int, int] | None = None
    spacing_mm: float | None = None
    is_directory: bool = False


def read_header(path: Path) -> Header | None:
    """Read who and what a DICOM file is about; None where its header is damaged."""

    def read(fact: Callable[[Dataset], Value], nothing: Value) -> Value:
        try:
            return fact(dataset)
        except DICOM_ERRORS:  # values are parsed on access
            return nothing

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the reader reads the file again and records them
        try:
            dataset = read_dicom(path, header_only=True, tags=_TAGS)
        except DICOM_ERRORS:
            return None
        return Header(
            patient=read(patient, ""),
            patient_id=read(lambda header: _text(header, "PatientID"), ""),
            study_uid=read(lambda header: _text(header, "StudyInstanceUID"), ""),
            series_uid=read(lambda header: _text(header, "SeriesInstanceUID"), ""),
            sop_class=read(lambda header: _text(header, "SOPClassUID"), ""),
            laterality=read(lambda header: laterality(header)[0], ""),
            view=read(lambda header: view(header)[0].name, ""),
            shape=read(_shape, None),
            spacing_mm=read(_spacing_mm, None),
            is_directory=read(_is_directory, False),
        )


def _text(header: Dataset, keyword: str) -> str:
    return str(header.get(keyword) or "").strip(" \0")


def _shape(header: Dataset) -> tuple[int, int] | None:
    rows, columns = number(header, "Rows"), number(header, "Columns")
    return (int(rows), int(columns)) if rows and columns else None


def _spacing_mm(header: Dataset) -> float | None:
    return number(header, "ImagerPixelSpacing") or number(header, "PixelSpacing")


def _is_directory(header: Dataset) -> bool:
    named = (header.get("SOPClassUID"), header.file_meta.get("MediaStorageSOPClassUID"))
    return DICOMDIR in named
