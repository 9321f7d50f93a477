"""RSNA Screening Mammography 2022 as downloaded: train_images/PATIENT/IMAGE.dcm and train.csv.

54,706 digital mammograms of 11,913 women from two sites. The table says of each breast whether
it has cancer and nobody says where, so an image is a whole that is abnormal or normal: heatmaps
and figures by image, but no position is known to be positive or negative, and a network cannot
be trained on this set alone.

Abnormal is `cancer` 1, proved by biopsy; normal is everything else, which means *screened, no
cancer found*: recalls (BI-RADS 0) and benign findings are normal here. Images of test.csv have
no label. Implants are given by patient at site 1 and by breast at site 2.

The headers are stripped; side, view, site and machine are those of the table.

Source: Carr C et al. (2022), RSNA Screening Mammography Breast Cancer Detection, Kaggle.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pipeline.ingest.bystanders import bystander, left_behind
from pipeline.ingest.catalog import Catalog, make_catalog
from pipeline.ingest.importers import Request
from pipeline.ingest.listing import ListedFile
from pipeline.run.errors import UserError

IMAGE_FOLDERS = {"train.csv": "train_images", "test.csv": "test_images"}
COLUMNS = ("site_id", "patient_id", "image_id", "laterality", "view", "implant", "machine_id")
VIEWS = ("CC", "MLO")  # 38 others: axillary tail, ML, LM, LMO
OUTCOMES = {"1": "abnormal", "0": "normal", "": "unknown"}
INVASIVE = {"1": "invasive", "0": "not invasive"}


@dataclass(frozen=True)
class Row:
    """One line of a table; what it does not say is ""."""

    patient_id: str
    image_id: str
    laterality: str  # L or R
    view: str
    outcome: str
    note: str  # about the cancer
    density: str  # A to D
    site: str
    scanner: str
    remarks: tuple[str, ...]  # what the user should know about the image


def read(request: Request) -> Catalog:
    """Catalog of the training images, and of the test images where they are there.

    Raises:
        UserError: there is no table, or one makes no sense.
    """
    rows, tables = _rows(request)
    images, findings, files = [], [], []
    remarks: Counter[str] = Counter()
    for file in request.files:
        row = rows.get(file.name)
        status, reason = "skipped", _reason_to_skip(file, row, tables)
        if not reason:
            status, reason = "candidate", "; ".join(row.remarks)
            images.append(_image(file, row))
            findings += _findings(images[-1]["image_id"], row)
            remarks.update(row.remarks)
        files.append({"file": file.name, "status": status, "reason": reason, "bytes": file.size})
    for remark, count in sorted(remarks.items()):
        print(f"note: {count} images: {remark}")
    return make_catalog(images, findings, files)


def read_table(path: Path) -> Iterator[Row]:
    """The lines of train.csv or test.csv.

    Raises:
        UserError: a column is missing, or a value makes no sense; names the line.
    """
    with path.open(encoding="utf-8-sig", newline="") as stream:
        table = csv.DictReader(stream)
        missing = [name for name in COLUMNS if name not in (table.fieldnames or [])]
        if missing:
            raise UserError(f"{path} lacks {', '.join(missing)}. Download the table anew.")
        for cells in table:
            cell = {name: _plain(value) for name, value in cells.items() if name}
            yield _parse(cell, f"{path}, line {table.line_num}")


def _parse(cell: dict[str, str], where: str) -> Row:
    side, view, cancer = cell["laterality"].upper(), cell["view"].upper(), cell.get("cancer", "")
    if not (cell["patient_id"].isdigit() and cell["image_id"].isdigit()):
        raise UserError(f"{where}: patient_id and image_id must be numbers, not {cell}.")
    if side not in ("L", "R") or not view.isalpha() or cancer not in OUTCOMES:
        raise UserError(
            f"{where}: laterality must be L or R, view a word and cancer 0 or 1, not "
            f"{side!r}, {view!r}, {cancer!r}."
        )
    return Row(
        patient_id=cell["patient_id"],
        image_id=cell["image_id"],
        laterality=side,
        view=view,
        outcome=OUTCOMES[cancer],
        note=INVASIVE.get(cell.get("invasive", ""), "") if cancer == "1" else "",
        density=cell.get("density", ""),
        site=f"site-{cell['site_id']}" if cell["site_id"] else "",
        scanner=f"machine-{cell['machine_id']}" if cell["machine_id"] else "",
        remarks=tuple(_remarks(cell, cancer)),
    )


def _remarks(cell: dict[str, str], cancer: str) -> Iterator[str]:
    if cell["implant"] == "1":
        yield "the table says implant"
    if cancer == "0" and cell.get("BIRADS") == "0":
        yield "recalled (BI-RADS 0), no cancer found: normal"
    if cancer == "0" and cell.get("difficult_negative_case", "").lower() in ("true", "1"):
        yield "a difficult negative case: normal"


def _plain(value: str | None) -> str:
    """Without blanks around it, and whole numbers without decimals.

    >>> _plain(" 49.0 ")
    '49'
    """
    return re.sub(r"^(\d+)\.0+$", r"\1", (value or "").strip())


def _rows(request: Request) -> tuple[dict[str, Row], dict[str, str]]:
    """Rows by the file that they are about; what is to be said of each table, by its name."""
    tables = [f for f in request.files if f.path.name in IMAGE_FOLDERS and not left_behind(f)]
    if not tables:
        raise UserError(
            f"data.root={request.data.root} has no train.csv, the table of RSNA 2022. Put it "
            "beside the folder train_images, or set data.importer."
        )
    present = {file.name for file in request.files}
    rows: dict[str, Row] = {}
    said = {}
    for table in tables:
        absent = []
        folder = PurePosixPath(table.name).parent / IMAGE_FOLDERS[table.path.name]
        for row in read_table(table.path):
            name = (folder / row.patient_id / f"{row.image_id}.dcm").as_posix()
            if name in rows:
                raise UserError(f"{table.path} names the image {row.image_id} twice. Keep one.")
            rows[name] = row
            if name not in present:
                absent.append(name)
        said[table.name] = "a table of the data set"
        if absent:
            said[table.name] += f"; {len(absent)} of its rows have no file, such as {absent[0]}"
            print(f"note: {table.name}: {said[table.name]}")
    return rows, said


def _reason_to_skip(file: ListedFile, row: Row | None, tables: dict[str, str]) -> str:
    if reason := left_behind(file) or tables.get(file.name, ""):
        return reason
    if row is None:
        is_image = file.path.suffix.lower() == ".dcm"
        return "no table has a row for it" if is_image else bystander(file)
    return "" if row.view in VIEWS else f"view {row.view}, no view of screening"


def _image(file: ListedFile, row: Row) -> dict:
    same = ("patient_id", "laterality", "view", "outcome", "density", "site", "scanner")
    return {name: getattr(row, name) for name in same} | {
        "image_id": f"{row.patient_id}_{row.image_id}",
        "file": file.path.as_posix(),
        "source": file.name,
        "dataset": "rsna",
        "complete": "no",
    }


def _findings(image_id: str, row: Row) -> list[dict]:
    if row.outcome != "abnormal":
        return []
    return [
        {
            "finding_id": f"{image_id}-1",
            "image_id": image_id,
            "kind": "cancer",
            "pathology": "malignant",
            "geometry": "none",
            "note": row.note,
        }
    ]
