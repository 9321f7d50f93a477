"""The tables of VinDr-Mammo.

finding_annotations.csv         one row for each box, or one that says No Finding
breast-level_annotations.csv    one row for each image; holds where the two differ
metadata.csv                    manufacturer and model of each image

The last two may be absent.
"""

import ast
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.ingest.cells import as_word
from pipeline.run.csv_tables import read_text_table
from pipeline.run.errors import UserError

FINDINGS, BREASTS = "finding_annotations.csv", "breast-level_annotations.csv"
METADATA = "metadata.csv"
CORNERS = ("xmin", "ymin", "xmax", "ymax")
OF_IMAGE = (
    *("study_id", "image_id", "laterality", "view_position", "height", "width"),
    *("breast_birads", "breast_density", "split"),
)
NEEDED = {  # tables and their columns
    FINDINGS: (*OF_IMAGE, "finding_categories", *CORNERS),
    BREASTS: OF_IMAGE,
    METADATA: ("SOP Instance UID",),
}
SPLITS = {"training": "train", "test": "test", "": ""}
CLIPPED, OUTSIDE = "clipped: it left the image", "its box lies outside the image"
# They accompany a lesion and have no BI-RADS: beside another category they are not the kind.
COMPANIONS = ("Nipple Retraction", "Skin Retraction", "Skin Thickening", "Suspicious Lymph Node")
_LONGEST_LIST = 500  # characters of finding_categories, before they are parsed


@dataclass(frozen=True)
class Tables:
    """All tables, by image id."""

    images: dict[str, dict[str, str]]  # cells of OF_IMAGE; those of the breasts' table hold
    # Columns of the catalog's findings, of the images that finding_annotations.csv has; empty
    # where it says No Finding.
    findings: dict[str, list[dict]]
    sizes: dict[str, tuple[float, float]]  # rows and columns that the boxes of an image count in
    scanners: dict[str, str]  # manufacturer and model
    resplit: list[str]  # images that the two tables put into different parts


def read_tables(paths: Mapping[str, Path]) -> Tables:
    """Read the tables that are there, by their names.

    Raises:
        UserError: a column is missing or a value makes no sense; names table and line.
    """
    annotations, breasts, metadata = (
        read_text_table(paths[name], needed=needed, advice="Download it anew.", lenient=True).rows
        if name in paths
        else []
        for name, needed in NEEDED.items()
    )
    for where, row in (*annotations, *breasts):
        if row["split"] not in SPLITS:
            raise UserError(f"{where}: split must be training or test, not {row['split']!r}.")
    first, second = ({row["image_id"]: row for _, row in each} for each in (annotations, breasts))
    both = first.keys() & second.keys()
    findings: dict[str, list[dict]] = {image_id: [] for image_id in first}
    sizes = {}
    for where, row in annotations:
        has_box = any(row[name] for name in CORNERS)
        if categories := _categories(where, row["finding_categories"], has_box=has_box):
            findings[row["image_id"]].append(_finding(where, row, categories))
        if has_box:
            sizes[row["image_id"]] = _size(where, row)
    scanners = {}
    for _, row in metadata:
        words = (row.get(name, "") for name in ("Manufacturer", "Manufacturer's Model Name"))
        scanners[row["SOP Instance UID"]] = " ".join(word for word in words if word)
    return Tables(
        images=first | second,
        findings=findings,
        sizes=sizes,
        scanners=scanners,
        resplit=[image for image in both if first[image]["split"] != second[image]["split"]],
    )


def _categories(where: str, text: str, *, has_box: bool) -> list[str]:
    """The list that is written as Python text, never evaluated; [] where it says No Finding.

    What has a box is a finding: unknown where the list names none.
    """
    try:
        value = ast.literal_eval(text) if len(text) <= _LONGEST_LIST else None
    except (MemoryError, RecursionError, SyntaxError, TypeError, ValueError):
        value = None
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise UserError(
            f"{where}: finding_categories must be a list such as ['Mass'], not {text[:60]!r}."
        )
    found = [word.strip() for word in value if word.strip() not in ("", "No Finding")]
    return found or (["unknown"] if has_box else [])


def _finding(where: str, row: dict[str, str], categories: list[str]) -> dict:
    """The columns of a finding; its kind is the first category that is a lesion."""
    lesions = [name for name in categories if name not in COMPANIONS] or categories
    others = [name for name in categories if name != lesions[0]]
    birads = last_word(row.get("finding_birads", ""))
    box, problem = _box(where, row)
    also = f"also {', '.join(others)}" if others else ""
    return {
        "kind": as_word(lesions[0]),
        "pathology": f"birads_{birads}" if birads else "unknown",
        "geometry": "box" if box else "none",
        "coordinates": box,
        "note": "; ".join(filter(None, (also, problem))),
    }


def _box(where: str, row: dict[str, str]) -> tuple[dict[str, float], str]:
    """The box inside the image, {} where there is none; and what is wrong with it."""
    no_box = "no box, or one without area"
    if not any(row[name] for name in CORNERS):
        return {}, no_box
    x0, y0, x1, y1 = (_number(where, row, name) for name in CORNERS)
    height, width = _size(where, row)
    clipped = x0 < 0 or y0 < 0 or x1 > width or y1 > height
    if clipped:
        x0, x1 = (min(max(x, 0.0), width - 1) for x in (x0, x1))
        y0, y1 = (min(max(y, 0.0), height - 1) for y in (y0, y1))
    if not (x0 < x1 and y0 < y1):
        return {}, OUTSIDE if clipped else no_box
    return {"row0": y0, "col0": x0, "row1": y1, "col1": x1}, CLIPPED if clipped else ""


def _size(where: str, row: dict[str, str]) -> tuple[float, float]:
    return _number(where, row, "height"), _number(where, row, "width")


def _number(where: str, row: dict[str, str], name: str) -> float:
    try:
        value = float(row[name])
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UserError(f"{where}: {name} must be a finite number, not {row[name]!r}.")
    return value


def last_word(text: str) -> str:
    """BI-RADS 4 -> 4, DENSITY C -> C."""
    return text.split()[-1] if text else ""
