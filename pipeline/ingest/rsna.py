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

from collections.abc import Iterator
from pathlib import PurePosixPath

from pipeline.ingest.catalog import Catalog
from pipeline.ingest.catalog_builder import CatalogBuilder
from pipeline.ingest.cells import without_decimals
from pipeline.ingest.importers import Request
from pipeline.ingest.notes import tell
from pipeline.run.csv_tables import read_text_table
from pipeline.run.errors import UserError

NOT_LABELLED = "test.csv"
IMAGE_FOLDERS = {"train.csv": "train_images", NOT_LABELLED: "test_images"}
NO_ROW = "no table has a row for it"
COLUMNS = ("site_id", "patient_id", "image_id", "laterality", "view", "implant", "machine_id")
VIEWS = ("CC", "MLO")  # 38 others: axillary tail, ML, LM, LMO
OUTCOMES = {"1": "abnormal", "0": "normal", "": "unknown"}
INVASIVE = {"1": "invasive", "0": "not invasive"}


def read(request: Request) -> Catalog:
    """Catalog of the training images, and of the test images where they are there.

    Raises:
        UserError: there is no table, or one makes no sense.
    """
    builder = CatalogBuilder(request.files, dataset="rsna")
    builder.skip_left_behind()
    rows = _rows(request, builder)
    strangers = []
    for file in builder.left():
        row = rows.get(file.name)
        if row is None:
            if file.suffix == ".dcm":
                builder.skip(file, NO_ROW)
                strangers.append(file.name)
        elif row["view"] not in VIEWS:
            builder.skip(file, f"view {row['view']}, no view of screening")
        else:
            note = INVASIVE.get(row.get("invasive", ""), "")
            cancer = {"kind": "cancer", "pathology": "malignant", "note": note}
            findings = [cancer] if row["cancer"] == "1" else []
            builder.add_image(file, remarks=_remarks(row), findings=findings, **_image(row))
    if strangers:
        tell(f"{NO_ROW}, so it is left out", strangers)
    return builder.catalog()


def _rows(request: Request, builder: CatalogBuilder) -> dict[str, dict[str, str]]:
    """Cells by the file that they are about; the tables are accounted for."""
    tables = [file for file in builder.left() if file.path.name in IMAGE_FOLDERS]
    if not tables:
        raise UserError(
            f"data.root={request.data.root} has no train.csv, the table of RSNA 2022. Put it "
            "beside the folder train_images, or set data.importer."
        )
    present = {file.name for file in request.files}
    rows: dict[str, dict[str, str]] = {}
    for file in tables:
        folder = PurePosixPath(file.name).parent / IMAGE_FOLDERS[file.path.name]
        table = read_text_table(
            file.path, needed=COLUMNS, advice="Download the table anew.", lenient=True
        )
        absent, unsaid = [], 0
        for where, cells in table.rows:
            row = _checked(cells, where)
            name = f"{folder}/{row['patient_id']}/{row['image_id']}.dcm"
            if name in rows:
                raise UserError(f"{where}: the image {row['image_id']} is there twice. Keep one.")
            rows[name] = row
            unsaid += row["cancer"] == ""
            if name not in present:
                absent.append(name)
        what = "a table of the data set"
        if absent:
            what += f"; {len(absent)} of its rows have no file, such as {absent[0]}"
            tell(f"{file.name}: {what}")
        if unsaid and file.path.name != NOT_LABELLED:
            tell(
                f"{file.name}: {unsaid} of its rows do not say whether there was a cancer: unknown"
            )
        builder.skip(file, what)
    return rows


def _checked(row: dict[str, str], where: str) -> dict[str, str]:
    """The cells with side and view in capitals, and a `cancer`, "" where it is unknown."""
    row = {"cancer": ""} | {name: without_decimals(value) for name, value in row.items()}
    row |= {name: row[name].upper() for name in ("laterality", "view")}
    if not (row["patient_id"].isdigit() and row["image_id"].isdigit()):
        raise UserError(
            f"{where}: patient_id and image_id must be whole numbers, not "
            f"{row['patient_id']!r} and {row['image_id']!r}."
        )
    side, view, cancer = row["laterality"], row["view"], row["cancer"]
    if side not in ("L", "R") or not view.isalpha() or cancer not in OUTCOMES:
        raise UserError(
            f"{where}: laterality must be L or R, view a word and cancer 0 or 1, not "
            f"{side!r}, {view!r}, {cancer!r}."
        )
    return row


def _image(row: dict[str, str]) -> dict:
    return {
        "image_id": f"{row['patient_id']}_{row['image_id']}",
        "patient_id": row["patient_id"],
        "laterality": row["laterality"],
        "view": row["view"],
        "outcome": OUTCOMES[row["cancer"]],
        "complete": "no",
        "density": row.get("density", ""),
        "site": f"site-{row['site_id']}" if row["site_id"] else "",
        "scanner": f"machine-{row['machine_id']}" if row["machine_id"] else "",
    }


def _remarks(row: dict[str, str]) -> Iterator[str]:
    if row["implant"] == "1":
        yield "the table says implant"
    if row["cancer"] == "0" and row.get("BIRADS") == "0":
        yield "recalled (BI-RADS 0), no cancer found: normal"
    if row["cancer"] == "0" and row.get("difficult_negative_case", "").lower() in ("true", "1"):
        yield "a difficult negative case: normal"
