"""Any folder of DICOM files, with or without a table of findings.

Only the clear cases are decided here; whether a DICOM file is a mammogram, the reader says.
"""

import json
import warnings
from collections import Counter
from pathlib import Path, PurePosixPath

from pydicom.dataset import Dataset

from pipeline.dicom.opening import DICOM_ERRORS, is_dicom, read_dicom
from pipeline.dicom.side_and_view import HEADER_TAGS, laterality, patient, view
from pipeline.ingest.catalog import Catalog, make_catalog
from pipeline.ingest.findings_table import NORMAL, FindingRow, read_findings
from pipeline.ingest.image_ids import image_ids
from pipeline.ingest.importers import Request
from pipeline.ingest.listing import ListedFile
from pipeline.run.errors import UserError

DICOMDIR = "1.2.840.10008.1.3.10"
KINDS = {
    "a table or text": (".csv", ".tsv", ".txt", ".xls", ".xlsx", ".json", ".xml", ".md", ".yaml"),
    "an archive": (".zip", ".gz", ".tgz", ".tar", ".7z", ".bz2", ".xz", ".rar", ".zst"),
    "a picture, not DICOM": (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".pgm", ".gif"),
}


def read(request: Request) -> Catalog:
    """Catalog of a folder of DICOM files.

    Raises:
        UserError: the table of findings is wrong or names an image that is not there.
    """
    table = findings_file(request)
    rows = read_findings(table) if table else []
    masks = mask_files(rows)
    headers, files = {}, []
    for file in request.files:
        reason = _reason_to_skip(file, masks)
        header = None if reason else read_tags(file.path)
        if header is not None and _is_directory(header):
            header, reason = None, "DICOMDIR, a list of other files"
        if header is not None:
            headers[file] = header
            reason = "" if patient(header) else "no Patient ID: the study or folder stands for it"
        status = "skipped" if header is None else "candidate"
        files.append({"file": file.name, "status": status, "reason": reason, "bytes": file.size})
    images = _images(headers)
    findings = join_findings(images, rows)
    return make_catalog(images.values(), findings, files)


def findings_file(request: Request) -> Path | None:
    """The user's table of findings; None where there is none.

    Raises:
        UserError: data.findings names no file.
    """
    given = request.data.findings
    if given is not None:
        if not given.is_file():
            raise UserError(f"data.findings={given} is no file. Name the table of findings.")
        return given
    own = request.data.root / "findings.csv"
    return own if own.is_file() else None


def mask_files(rows: list[FindingRow]) -> set[Path]:
    """The masks that findings name, which are no mammograms themselves."""
    masks = [json.loads(row.coordinates)["file"] for row in rows if row.geometry == "mask"]
    return {Path(mask).resolve() for mask in masks}


def _reason_to_skip(file: ListedFile, masks: set[Path]) -> str:
    if file.size == 0:
        return "an empty file"
    if masks and file.path.resolve() in masks:
        return "the mask of a finding"
    try:
        if is_dicom(file.path):
            return ""
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    suffix = file.path.suffix.lower()
    return next((kind for kind, suffixes in KINDS.items() if suffix in suffixes), "not DICOM")


def read_tags(path: Path) -> Dataset:
    """The elements that tell patient, side and view; none of them where the file is damaged."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the reader reads the file again and records them
        try:
            header = read_dicom(path, header_only=True, tags=HEADER_TAGS)
            laterality(header), view(header), patient(header)  # values are parsed on access
        except DICOM_ERRORS:
            return Dataset()
    return header


def _is_directory(header: Dataset) -> bool:
    meta = getattr(header, "file_meta", {})
    return DICOMDIR in (header.get("SOPClassUID"), meta.get("MediaStorageSOPClassUID"))


def _images(headers: dict[ListedFile, Dataset]) -> dict[str, dict]:
    """Rows of the catalog by file name."""
    ids = image_ids([file.name for file in headers])
    images = {}
    for file, header in headers.items():
        images[file.name] = {
            "image_id": ids[file.name],
            "patient_id": patient(header) or _stand_in(header, file) or ids[file.name],
            "laterality": laterality(header)[0],
            "view": view(header)[0].name,
            "file": file.path.as_posix(),
            "source": file.name,
            "dataset": "dicom",
        }
    return images


def _stand_in(header: Dataset, file: ListedFile) -> str:
    """What keeps the images of an unnamed patient together: the study, or the folder."""
    folder = PurePosixPath(file.name).parent.as_posix()
    return str(header.get("StudyInstanceUID") or "").strip() or folder.removeprefix(".")


def join_findings(images: dict[str, dict], rows: list[FindingRow]) -> list[dict]:
    """Rows of the findings; writes into the images what the table says about them.

    Args:
        images: rows of the catalog by file name, with their ids.

    Raises:
        UserError: a row names no image or several, or contradicts another.
    """
    finder = _Finder(images)
    findings: list[dict] = []
    said: dict[tuple[str, str], str] = {}
    count: Counter[str] = Counter()
    for row in rows:
        image = finder.find(row)
        image_id = image["image_id"]
        for column, value in row.of_image.items():
            before = said.setdefault((image_id, column), value)
            if before != value:
                raise UserError(f"{row.where}: {column} of {image_id} is {before} already.")
            image[column] = value
        outcome = "normal" if row.kind == NORMAL else "abnormal"
        if image.setdefault("outcome", outcome) != outcome:
            raise UserError(f"{row.where}: {image_id} is called normal and has a finding.")
        if outcome == "abnormal":
            count[image_id] += 1
            findings.append(
                {
                    "finding_id": row.finding_id or f"{image_id}-{count[image_id]}",
                    "image_id": image_id,
                    "kind": row.kind,
                    "pathology": row.pathology,
                    "geometry": row.geometry,
                    "coordinates": row.coordinates,
                }
            )
    return findings


class _Finder:
    """Finds the image that a row of the table means."""

    def __init__(self, images: dict[str, dict]):
        self._by_file = images
        self._by_id = {image["image_id"]: image for image in images.values()}
        self._by_name: dict[str, list[dict]] = {}
        for name, image in images.items():
            self._by_name.setdefault(PurePosixPath(name).name, []).append(image)

    def find(self, row: FindingRow) -> dict:
        """By id, by path below data.root, or by a file name that occurs once.

        Raises:
            UserError: there is no such image, or several.
        """
        if row.image_id and not row.file:
            found = [self._by_id[row.image_id]] if row.image_id in self._by_id else []
        elif row.file in self._by_file:
            found = [self._by_file[row.file]]
        else:
            found = self._by_name.get(row.file, [])
        if len(found) == 1:
            return found[0]
        what = row.file or row.image_id
        if found:
            raise UserError(f"{row.where}: {len(found)} files are called {what}; give the path.")
        raise UserError(f"{row.where}: {what} is no image of data.root.")
