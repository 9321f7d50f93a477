"""The DICOM files of CBIS-DDSM: which mammogram or abnormality each belongs to.

Downloads differ in their folders and files: 000000.dcm and 000001.dcm, or 1-1.dcm and 1-2.dcm, in
folders named after series and study or after their UIDs. So the header says what a file is, and
the folders only where it does not.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from pipeline.dicom.header import Header, read_header
from pipeline.ingest.catalog_builder import CatalogBuilder
from pipeline.ingest.cbis_ddsm.names import Name, parse_name
from pipeline.ingest.cbis_ddsm.tables import Lesion, is_table
from pipeline.ingest.ignored_files import not_dicom
from pipeline.ingest.source_files import SourceFile


@dataclass(frozen=True)
class NamedFile:
    """A DICOM file of the data set.

    Attributes:
        file: where it lies.
        name: the mammogram, or the abnormality of which it is the mask or the cropped image.
        shape: rows and columns in pixels; None where the header does not say.
    """

    file: SourceFile
    name: Name
    shape: tuple[int, int] | None


@dataclass(frozen=True)
class Download:
    """The files of a download that the data set has.

    Attributes:
        mammograms: by image id, which both names of a mammogram share.
        parts: masks and cropped images by the name of their abnormality.
    """

    mammograms: Mapping[str, list[NamedFile]]
    parts: Mapping[Name, list[NamedFile]]


def sort_files(builder: CatalogBuilder, lesions: Iterable[Lesion]) -> Download:
    """Read the headers of all files and sort them; those of other sets are accounted for."""
    series = _names_of_series(lesions)
    download = Download(defaultdict(list), defaultdict(list))
    builder.skip_left_behind()
    for file in builder.left():
        if is_table(file.path):
            builder.skip(file, "a table of CBIS-DDSM")
        elif reason := not_dicom(file):
            # A file of the data set's suffix is lost, any other one never was an image of it.
            if file.suffix == ".dcm":
                builder.fail(file, reason)
        else:
            header = read_header(file.path)
            name = file_name(file, header, series)
            if name is None:
                _account_for(builder, file, header)
                continue
            named = NamedFile(file, name, header.shape if header else None)
            if name.abnormality:
                download.parts[name].append(named)
            else:
                download.mammograms[name.image_id].append(named)
    return download


def file_name(file: SourceFile, header: Header | None, series: Mapping[str, Name]) -> Name | None:
    """By Patient ID, by the tables' series, by the folders from the innermost.

    Args:
        series: names by Series Instance UID, from the tables.
    """
    if header is not None:
        named = parse_name(header.patient_id) or series.get(header.series_uid)
        if named:
            return named
    folders = reversed(PurePosixPath(file.name).parts[:-1])
    return next((name for f in folders if (name := series.get(f) or parse_name(f))), None)


def _names_of_series(lesions: Iterable[Lesion]) -> dict[str, Name]:
    """What the tables know of each Series Instance UID."""
    names = {}
    for lesion in lesions:
        mammogram, *parts = lesion.series
        names[mammogram] = lesion.name.mammogram
        names.update(dict.fromkeys(parts, lesion.name))
    return names


def _account_for(builder: CatalogBuilder, file: SourceFile, header: Header | None) -> None:
    """A DICOM file without a name of the data set."""
    if header is not None and header.is_directory:
        builder.skip(file, "DICOMDIR, a list of other files")
    elif header is None or not header.sop_class:
        builder.fail(file, "its DICOM header is damaged, and no folder names it")
    else:
        what = f"neither Patient ID {header.patient_id!r} nor folder is one of CBIS-DDSM"
        builder.skip(file, what)
