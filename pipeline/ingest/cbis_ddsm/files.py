"""The DICOM files of CBIS-DDSM: which mammogram or abnormality each belongs to.

Downloads differ in their folders and files: 000000.dcm and 000001.dcm, or 1-1.dcm and 1-2.dcm, in
folders named after series and study or after their UIDs. So the header says what a file is, and
the folders only where it does not.
"""

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from pydicom.dataset import Dataset

from pipeline.dicom.opening import DICOM_ERRORS, is_dicom, read_dicom
from pipeline.dicom.values import number
from pipeline.ingest.bystanders import bystander, left_behind
from pipeline.ingest.cbis_ddsm.names import Name, parse_name
from pipeline.ingest.cbis_ddsm.tables import Lesion, is_table
from pipeline.ingest.dicom_folder import DICOMDIR
from pipeline.ingest.listing import ListedFile

_TAGS = ["SOPClassUID", "PatientID", "SeriesInstanceUID", "Rows", "Columns"]


@dataclass(frozen=True)
class DicomFile:
    """A DICOM file of the data set.

    Attributes:
        file: where it lies.
        name: the mammogram, or the abnormality of which it is the mask or the cropped image.
        shape: rows and columns in pixels; None where the header does not say.
    """

    file: ListedFile
    name: Name
    shape: tuple[int, int] | None


@dataclass(frozen=True)
class Ending:
    """What became of a file: its row of files.csv."""

    status: str  # candidate, skipped or failed
    reason: str


@dataclass(frozen=True)
class Contents:
    """The files of a download.

    Attributes:
        mammograms: by image id, which both names of a mammogram share.
        parts: masks and cropped images by the name of their abnormality.
        endings: of all other files, by file name.
    """

    mammograms: dict[str, list[DicomFile]] = field(default_factory=dict)
    parts: dict[Name, list[DicomFile]] = field(default_factory=dict)
    endings: dict[str, Ending] = field(default_factory=dict)


def look_through(files: Iterable[ListedFile], lesions: Iterable[Lesion]) -> Contents:
    """Read the headers of all files and sort them by what they belong to."""
    series = names_of_series(lesions)
    contents = Contents()
    for file in files:
        found = look_at(file, series)
        if isinstance(found, Ending):
            contents.endings[file.name] = found
        elif found.name.abnormality:
            contents.parts.setdefault(found.name, []).append(found)
        else:
            contents.mammograms.setdefault(found.name.image_id, []).append(found)
    return contents


def names_of_series(lesions: Iterable[Lesion]) -> dict[str, Name]:
    """What the tables know of each Series Instance UID."""
    names = {}
    for lesion in lesions:
        mammogram, *parts = lesion.series
        names[mammogram] = lesion.name.mammogram
        names.update(dict.fromkeys(parts, lesion.name))
    return names


def look_at(file: ListedFile, series: Mapping[str, Name]) -> DicomFile | Ending:
    """Read the header of a file and find its name.

    Args:
        series: names by Series Instance UID, from the tables.
    """
    reason = left_behind(file)
    if reason or is_table(file.path):
        return Ending("skipped", reason or "a table of CBIS-DDSM")
    try:
        if not is_dicom(file.path):
            return _not_dicom(file)
        header = _header(file)
    except OSError as error:
        return Ending("failed", f"cannot be read: {error.strerror}")
    name = _name(file, header, series)
    if name is not None:
        return DicomFile(file, name, _shape(header))
    if header is not None and header.file_meta.get("MediaStorageSOPClassUID") == DICOMDIR:
        return Ending("skipped", "DICOMDIR, a list of other files")
    if header is None or not header.get("SOPClassUID"):
        return Ending("failed", "its DICOM header is damaged, and no folder names it")
    patient = str(header.get("PatientID", ""))
    return Ending("skipped", f"neither Patient ID {patient!r} nor folder is one of CBIS-DDSM")


def _not_dicom(file: ListedFile) -> Ending:
    """A file of the data set's suffix is lost, any other one never was an image of it."""
    if file.path.suffix.lower() == ".dcm":
        return Ending("failed", "not DICOM" if file.size else "an empty file")
    return Ending("skipped", bystander(file))


def _header(file: ListedFile) -> Dataset | None:
    """The elements that are needed; None where the header is damaged."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the reader reads the file again and records them
        try:
            header = read_dicom(file.path, header_only=True, tags=_TAGS)
            for keyword in _TAGS:
                header.get(keyword)  # values are parsed on access
        except DICOM_ERRORS:
            return None
    return header


def _name(file: ListedFile, header: Dataset | None, series: Mapping[str, Name]) -> Name | None:
    """By Patient ID, by the tables' series, by the folders from the innermost."""
    if header is not None:
        named = parse_name(str(header.get("PatientID", "")))
        named = named or series.get(str(header.get("SeriesInstanceUID", "")))
        if named:
            return named
    folders = reversed(PurePosixPath(file.name).parts[:-1])
    return next((name for f in folders if (name := series.get(f) or parse_name(f))), None)


def _shape(header: Dataset | None) -> tuple[int, int] | None:
    if header is None:
        return None
    rows, columns = number(header, "Rows"), number(header, "Columns")
    return (int(rows), int(columns)) if rows and columns else None
