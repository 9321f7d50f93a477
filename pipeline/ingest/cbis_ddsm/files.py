"""The DICOM files of CBIS-DDSM: which mammogram or abnormality each belongs to.

Downloads differ in their folders and files: 000000.dcm and 000001.dcm, or 1-1.dcm and 1-2.dcm, in
folders named after series and study or after their UIDs. So the header says what a file is, and
the folders only where it does not.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from pipeline.dicom.header import Header
from pipeline.ingest.catalog_builder import CatalogBuilder
from pipeline.ingest.cbis_ddsm.names import Name, parse_name
from pipeline.ingest.cbis_ddsm.tables import Lesion, is_table
from pipeline.ingest.headers import read_headers
from pipeline.ingest.ignored_files import not_dicom
from pipeline.ingest.importers import Request
from pipeline.ingest.source_files import SourceFile
from pipeline.run.map_images import Lost


@dataclass(frozen=True)
class NamedFile:
    """A DICOM file of the data set: a mammogram, or the mask or cropped image of an abnormality."""

    file: SourceFile
    name: Name
    shape: tuple[int, int] | None  # rows and columns in pixels; None where the header is silent


def sort_files(
    request: Request, builder: CatalogBuilder, lesions: Iterable[Lesion]
) -> dict[str, list[NamedFile]]:
    """Read the headers of all files, and find those that show the same by `Name.subject`.

    Files that have no name of the data set are accounted for.
    """
    series: dict[str, Name] = {}
    for lesion in lesions:
        mammogram, *parts = lesion.series
        series |= {mammogram: lesion.name.mammogram} | dict.fromkeys(parts, lesion.name)
    found, whole = defaultdict(list), []
    builder.skip_left_behind()
    for file in builder.left():
        if is_table(file.path):
            builder.skip(file, "a table of CBIS-DDSM")
            continue
        if reason := not_dicom(file):
            # A file of the data set's suffix is lost, any other one never was an image of it.
            if file.suffix == ".dcm":
                builder.fail(file, reason)
            continue
        whole.append(file)
    for file, header in read_headers(request, whole).items():
        if isinstance(header, Lost):
            builder.fail(file, f"its header: {header.reason}")
        elif name := file_name(file, header, series):
            shape = header.shape if header else None
            found[name.subject].append(NamedFile(file, name, shape))
        elif header is not None and header.is_directory:
            builder.skip(file, "DICOMDIR, a list of other files")
        elif header is None or not header.sop_class:
            builder.fail(file, "its DICOM header is damaged, and no folder names it")
        else:
            patient = header.patient_id
            builder.skip(file, f"neither Patient ID {patient!r} nor folder is one of CBIS-DDSM")
    return found


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
