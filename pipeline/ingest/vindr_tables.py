"""The tables of VinDr-Mammo.

finding_annotations.csv         one row for each box, or one that says No Finding
breast-level_annotations.csv    one row for each image; holds where the two differ
metadata.csv                    manufacturer and model of each image

The last two may be absent.
"""

import ast
import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.ingest.listing import ListedFile
from pipeline.run.errors import UserError

FINDINGS, BREASTS = "finding_annotations.csv", "breast-level_annotations.csv"
METADATA = "metadata.csv"
IMAGE_COLUMNS = {
    "study_id",
    "image_id",
    "laterality",
    "view_position",
    "height",
    "width",
    "breast_birads",
    "breast_density",
    "split",
}
CORNERS = ("xmin", "ymin", "xmax", "ymax")
SPLITS = {"training": "train", "test": "test", "": ""}
_LONGEST_LIST = 500  # characters of finding_categories, before they are parsed


@dataclass(frozen=True)
class ImageRow:
    """What the tables say about an image; "" where they say nothing."""

    study_id: str
    laterality: str
    view: str
    birads: str  # of the breast, 1 to 5
    density: str  # A to D
    split: str  # train or test


@dataclass(frozen=True)
class Box:
    """One row of finding_annotations.csv that is a finding.

    Attributes:
        categories: such as Mass; one or more.
        birads: of the finding, 3 to 5 or "".
        corners: row0, col0, row1, col1 in pixels, inside the image; None where there is no box.
        clipped: the box left the image.
    """

    categories: tuple[str, ...]
    birads: str
    corners: tuple[float, float, float, float] | None
    clipped: bool


@dataclass
class Tables:
    """All tables, by image id.

    Attributes:
        images: of both tables.
        boxes: of the images that finding_annotations.csv has; empty where it says No Finding.
        scanners: manufacturer and model.
        resplit: images that the two tables put into different parts.
    """

    images: dict[str, ImageRow] = field(default_factory=dict)
    boxes: dict[str, list[Box]] = field(default_factory=dict)
    scanners: dict[str, str] = field(default_factory=dict)
    resplit: list[str] = field(default_factory=list)


def table_files(files: tuple[ListedFile, ...]) -> dict[str, ListedFile]:
    """The tables by name, each the one nearest to the root.

    Raises:
        UserError: finding_annotations.csv is not there.
    """
    found: dict[str, ListedFile] = {}
    for file in sorted(files, key=lambda f: (f.name.count("/"), f.name)):
        if file.path.name in (FINDINGS, BREASTS, METADATA):
            found.setdefault(file.path.name, file)
    if FINDINGS not in found:
        raise UserError(
            f"There is no {FINDINGS}, the table of VinDr-Mammo. Put it beside the folder images, "
            "or set data.importer."
        )
    return found


def read_tables(files: dict[str, ListedFile]) -> Tables:
    """Read the tables that are there.

    Raises:
        UserError: a column is missing or a value makes no sense; names table and line.
    """
    tables = Tables()
    for where, row in _rows(files[FINDINGS].path, IMAGE_COLUMNS | {"finding_categories", *CORNERS}):
        tables.images[row["image_id"]] = _image(where, row)
        boxes = tables.boxes.setdefault(row["image_id"], [])
        categories = _categories(where, row["finding_categories"])
        if categories:
            boxes.append(_box(where, row, categories))
    if BREASTS in files:
        for where, row in _rows(files[BREASTS].path, IMAGE_COLUMNS):
            image_id, image = row["image_id"], _image(where, row)
            if tables.images.get(image_id, image).split != image.split:
                tables.resplit.append(image_id)
            tables.images[image_id] = image
    if METADATA in files:
        names = ("Manufacturer", "Manufacturer's Model Name")
        for _, row in _rows(files[METADATA].path, {"SOP Instance UID"}):
            words = (row.get(name, "") for name in names)
            tables.scanners[row["SOP Instance UID"]] = " ".join(word for word in words if word)
    return tables


def _rows(path: Path, needed: set[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Where each row stands, and its cells without blanks around them."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
        table = csv.DictReader(stream)
        missing = sorted(needed - set(table.fieldnames or []))
        if missing:
            raise UserError(f"{path} lacks the columns {', '.join(missing)}. Download it anew.")
        for row in table:
            cells = {key: (value or "").strip() for key, value in row.items() if key is not None}
            yield f"{path}, line {table.line_num}", cells


def _image(where: str, row: dict[str, str]) -> ImageRow:
    if row["split"] not in SPLITS:
        raise UserError(f"{where}: split must be training or test, not {row['split']!r}.")
    side = row["laterality"].upper()
    return ImageRow(
        study_id=row["study_id"],
        laterality=side if side in ("L", "R") else "",
        view=row["view_position"].upper(),
        birads=_last_word(row["breast_birads"]),
        density=_last_word(row["breast_density"]),
        split=SPLITS[row["split"]],
    )


def _categories(where: str, text: str) -> tuple[str, ...]:
    """The list that is written as Python text; () where it says No Finding.

    Raises:
        UserError: it is no list of words. It is parsed as a literal and never evaluated.
    """
    try:
        value = ast.literal_eval(text) if len(text) <= _LONGEST_LIST else None
    except (MemoryError, RecursionError, SyntaxError, TypeError, ValueError):
        value = None
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise UserError(
            f"{where}: finding_categories must be a list such as ['Mass'], not {text[:60]!r}."
        )
    return tuple(word.strip() for word in value if word.strip() not in ("", "No Finding"))


def _box(where: str, row: dict[str, str], categories: tuple[str, ...]) -> Box:
    birads = _last_word(row.get("finding_birads", ""))
    if not any(row[name] for name in CORNERS):
        return Box(categories, birads, None, False)
    x0, y0, x1, y1 = (_number(where, row, name) for name in CORNERS)
    height, width = (_number(where, row, name) for name in ("height", "width"))
    clipped = x0 < 0 or y0 < 0 or x1 > width or y1 > height
    if clipped:
        x0, x1 = (min(max(x, 0.0), width - 1) for x in (x0, x1))
        y0, y1 = (min(max(y, 0.0), height - 1) for y in (y0, y1))
    corners = (y0, x0, y1, x1) if x0 < x1 and y0 < y1 else None
    return Box(categories, birads, corners, clipped)


def _number(where: str, row: dict[str, str], name: str) -> float:
    try:
        value = float(row[name])
    except ValueError as error:
        raise UserError(f"{where}: {name} must be a number, not {row[name]!r}.") from error
    if not math.isfinite(value):
        raise UserError(f"{where}: {name} must be finite, not {row[name]!r}.")
    return value


def _last_word(text: str) -> str:
    """BI-RADS 4 -> 4, DENSITY C -> C."""
    return text.split()[-1] if text else ""
