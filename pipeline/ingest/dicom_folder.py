"""Any folder of DICOM files, with or without a table of findings.

Only the clear cases are decided here; whether a DICOM file is a mammogram, the reader says.
"""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import PurePosixPath

from pipeline.dicom.header import Header, read_header
from pipeline.ingest.catalog import Catalog
from pipeline.ingest.catalog_builder import CatalogBuilder
from pipeline.ingest.cbis_ddsm.names import parse_name
from pipeline.ingest.findings_csv import join_findings, users_findings
from pipeline.ingest.ignored_files import NOT_DICOM, kind_of_file, not_dicom
from pipeline.ingest.image_ids import image_ids
from pipeline.ingest.importers import Request
from pipeline.ingest.source_files import SourceFile


def read(request: Request) -> Catalog:
    """Catalog of a folder of DICOM files.

    Raises:
        UserError: the table of findings is wrong or names an image that is not there.
    """
    builder = CatalogBuilder(request.files, dataset="dicom")
    lines = users_findings(request, builder)
    headers: dict[SourceFile, Header] = {}
    for file in builder.left():
        if reason := not_dicom(file):
            builder.skip(file, kind_of_file(file, reason) if reason == NOT_DICOM else reason)
            continue
        header = read_header(file.path) or Header()  # the reader says what is wrong
        if header.is_directory:
            builder.skip(file, "DICOMDIR, a list of other files")
        else:
            headers[file] = header
    ids = image_ids([file.name for file in headers])
    images: dict[str, dict] = {}
    for file, header in headers.items():
        # Study or folder stands for a patient without a number.
        folder = PurePosixPath(file.name).parent.as_posix().removeprefix(".")
        images[file.name] = {
            "image_id": ids[file.name],
            "patient_id": _patient(header) or header.study_uid or folder or ids[file.name],
            "laterality": header.laterality,
            "view": header.view,
        }
    sizes = {file.name: header.shape for file, header in headers.items() if header.shape}
    findings = join_findings(images, lines, sizes)
    births: dict[str, set[str]] = defaultdict(set)
    for file, header in headers.items():
        births[images[file.name]["patient_id"]].add(header.birth_date)
    for file, header in headers.items():
        image, found = images[file.name], findings[ids[file.name]]
        remarks = _remarks(header, births[image["patient_id"]])
        builder.add_image(file, remarks=remarks, findings=found, **image)
    return builder.catalog()


def _patient(header: Header) -> str:
    """Patient ID as it stands; whole names of CBIS-DDSM have the patient in them."""
    name = parse_name(header.patient_id)
    return name.patient_id if name else header.patient_id


def _remarks(header: Header, births: set[str]) -> Iterator[str]:
    """Doubts whose image it is.

    Args:
        births: dates of birth in all files of its patient.
    """
    if not header.patient_id:
        yield "no Patient ID: the study or folder stands for it"
    elif _patient(header) != header.patient_id:
        yield "Patient ID is a name of CBIS-DDSM, of which P_ and five digits are the patient"
    if len(births - {""}) > 1:
        yield "its patient has several dates of birth: perhaps several women under one Patient ID"
