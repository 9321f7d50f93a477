"""Any folder of DICOM files, with or without a table of findings.

Only the clear cases are decided here; whether a DICOM file is a mammogram, the reader says.
"""

from pathlib import PurePosixPath

from pipeline.dicom.header import Header, read_header
from pipeline.ingest.catalog import Catalog
from pipeline.ingest.catalog_builder import CatalogBuilder
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
            "patient_id": header.patient or header.study_uid or folder or ids[file.name],
            "laterality": header.laterality,
            "view": header.view,
        }
    findings = join_findings(images, lines)
    for file, header in headers.items():
        remarks = [] if header.patient else ["no Patient ID: the study or folder stands for it"]
        image, found = images[file.name], findings[ids[file.name]]
        builder.add_image(file, remarks=remarks, findings=found, **image)
    return builder.catalog()
