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

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pipeline.ingest.catalog import Catalog
from pipeline.ingest.catalog_builder import CatalogBuilder
from pipeline.ingest.importers import Request
from pipeline.run.errors import UserError
from pipeline.run.tables import read_text_table

IMAGE_FOLDERS = {"train.csv": "train_images", "test.csv": "test_images"}
COLUMNS = ("site_id", "patient_id", "image_id", "laterality", "view", "implant", "machine_id")
VIEWS = ("CC", "MLO")  # 38 others: axillary tail, ML, LM, LMO
OUTCOMES = {"1": "abnormal", "0": "normal", "": "unknown"}
INVASIVE = {"1": "invasive", "0": "not invasive"}


@dataclass(frozen=True)
class Row:
    """One line of a table.

    Attributes:
        file: below the folder of images.
        image: columns of the catalog's images.
        note: about the cancer.
        remarks: what the user should know about the image.
    """

    file: str
    image: dict
    note: str
    remarks: tuple[str, ...]


def read(request: Request) -> Catalog:
    """Catalog of the training images, and of the test images where they are there.

    Raises:
        UserError: there is no table, or one makes no sense.
    """
    builder = CatalogBuilder(request.files, dataset="rsna")
    builder.skip_left_behind()
    rows = _rows(request, builder)
    remarks: Counter[str] = Counter()
    for file in builder.left():
        row = rows.get(file.name)
        if row is None:
            if file.suffix == ".dcm":
                builder.skip(file, "no table has a row for it")
        elif row.image["view"] not in VIEWS:
            builder.skip(file, f"view {row.image['view']}, no view of screening")
        else:
            image_id = row.image["image_id"]
            builder.add_image(file, remark="; ".join(row.remarks), complete="no", **row.image)
            if row.image["outcome"] == "abnormal":
                builder.add_finding(image_id, kind="cancer", pathology="malignant", note=row.note)
            remarks.update(row.remarks)
    for remark, count in sorted(remarks.items()):
        print(f"note: {count} images: {remark}")
    return builder.catalog()


def read_table(path: Path) -> Iterator[Row]:
    """The lines of train.csv or test.csv.

    Raises:
        UserError: a column is missing, or a value makes no sense; names the line.
    """
    table = read_text_table(path, needed=COLUMNS, advice="Download the table anew.", lenient=True)
    for where, cells in table.rows:
        yield _parse({name: _plain(value) for name, value in cells.items()}, where)


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
        file=f"{cell['patient_id']}/{cell['image_id']}.dcm",
        image={
            "image_id": f"{cell['patient_id']}_{cell['image_id']}",
            "patient_id": cell["patient_id"],
            "laterality": side,
            "view": view,
            "outcome": OUTCOMES[cancer],
            "density": cell.get("density", ""),
            "site": f"site-{cell['site_id']}" if cell["site_id"] else "",
            "scanner": f"machine-{cell['machine_id']}" if cell["machine_id"] else "",
        },
        note=INVASIVE.get(cell.get("invasive", ""), "") if cancer == "1" else "",
        remarks=tuple(_remarks(cell, cancer)),
    )


def _remarks(cell: dict[str, str], cancer: str) -> Iterator[str]:
    if cell["implant"] == "1":
        yield "the table says implant"
    if cancer == "0" and cell.get("BIRADS") == "0":
        yield "recalled (BI-RADS 0), no cancer found: normal"
    if cancer == "0" and cell.get("difficult_negative_case", "").lower() in ("true", "1"):
        yield "a difficult negative case: normal"


def _plain(value: str) -> str:
    """Whole numbers without decimals.

    >>> _plain("49.0")
    '49'
    """
    return re.sub(r"^(\d+)\.0+$", r"\1", value)


def _rows(request: Request, builder: CatalogBuilder) -> dict[str, Row]:
    """Rows by the file that they are about; the tables are accounted for."""
    tables = [file for file in builder.left() if file.path.name in IMAGE_FOLDERS]
    if not tables:
        raise UserError(
            f"data.root={request.data.root} has no train.csv, the table of RSNA 2022. Put it "
            "beside the folder train_images, or set data.importer."
        )
    present = {file.name for file in request.files}
    rows: dict[str, Row] = {}
    for table in tables:
        absent = []
        folder = PurePosixPath(table.name).parent / IMAGE_FOLDERS[table.path.name]
        for row in read_table(table.path):
            name = f"{folder}/{row.file}"
            if name in rows:
                raise UserError(f"{table.path} names the image {row.file} twice. Keep one.")
            rows[name] = row
            if name not in present:
                absent.append(name)
        what = "a table of the data set"
        if absent:
            what += f"; {len(absent)} of its rows have no file, such as {absent[0]}"
            print(f"note: {table.name}: {what}")
        builder.skip(table, what)
    return rows
