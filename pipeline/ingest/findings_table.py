"""The user's own table of findings, findings.csv; docs/findings-csv.md describes its columns."""

import difflib
import json
import re
from dataclasses import dataclass
from pathlib import Path

from pipeline.annotations.coordinates import coordinates_problem
from pipeline.ingest.user_table import read_user_table
from pipeline.run.errors import UserError

NUMBERS = {
    "circle": ("row", "col", "radius"),
    "box": ("row0", "col0", "row1", "col1"),
}
# Columns that are about the image; each line of an image may say them, or only one.
OF_IMAGE = ("patient_id", "density", "site", "complete")
COLUMNS = (
    "file",
    "image_id",
    *OF_IMAGE,
    "finding_id",
    "kind",
    "pathology",
    "geometry",
    *NUMBERS["circle"],
    *NUMBERS["box"],
    "polygon",
    "mask",
)
GEOMETRIES = ("circle", "box", "polygon", "mask", "none")
NORMAL = "normal"  # the kind that says: this image has been looked at and has no finding


@dataclass(frozen=True)
class FindingRow:
    """One line of the table; either `file` or `image_id` is given."""

    where: str  # table and line, for messages
    file: str
    image_id: str
    of_image: dict[str, str]  # what it says about the image, of OF_IMAGE
    finding_id: str
    kind: str
    pathology: str
    geometry: str
    coordinates: str  # JSON, as in the catalog


def read_findings(path: Path) -> list[FindingRow]:
    """Read the table.

    Raises:
        UserError: a column or a value is wrong; names the line.
    """
    table = read_user_table(path)
    _check_columns(path, table.columns)
    return [
        _parse(row, where, path.parent, decimal_comma=table.decimal_comma)
        for where, row in table.rows
    ]


def _check_columns(path: Path, names: list[str]) -> None:
    if not {"file", "image_id"} & set(names) or "kind" not in names:
        raise UserError(
            f"{path} must have the columns kind and file (or image_id), not {names}. "
            "docs/findings-csv.md shows an example."
        )
    for name in sorted(set(names) - set(COLUMNS)):
        near = difflib.get_close_matches(name, COLUMNS, 1, 0.75)
        if near:
            raise UserError(f"{path}: column {name!r} is unknown. Did you mean {near[0]!r}?")


def _parse(row: dict[str, str], where: str, folder: Path, *, decimal_comma: bool) -> FindingRow:
    def cell(name: str) -> str:
        return row.get(name, "")

    if not cell("file") and not cell("image_id"):
        raise UserError(f"{where}: file (or image_id) is blank.")
    geometry = cell("geometry").lower() or _implied(row)
    if geometry not in GEOMETRIES:
        raise UserError(f"{where}: geometry must be one of {GEOMETRIES}, not {geometry!r}.")
    kind = _word(cell("kind"))
    if kind == NORMAL and geometry != "none":
        raise UserError(f"{where}: kind normal cannot have a {geometry}.")
    of_image = {name: cell(name) for name in OF_IMAGE if cell(name)}
    if "complete" in of_image:
        of_image["complete"] = _complete(of_image["complete"], kind, where)
    coordinates = json.dumps(_coordinates(row, geometry, where, folder, decimal_comma))
    problem = coordinates_problem(geometry, coordinates)
    if problem:
        raise UserError(f"{where}: {problem}.")
    return FindingRow(
        where,
        cell("file").replace("\\", "/").removeprefix("./"),
        cell("image_id"),
        of_image,
        cell("finding_id"),
        kind,
        _word(cell("pathology")),
        geometry,
        coordinates,
    )


def _complete(text: str, kind: str, where: str) -> str:
    if text.lower() not in ("yes", "no"):
        raise UserError(f"{where}: complete must be yes or no, not {text!r}.")
    if kind == NORMAL and text.lower() == "no":
        raise UserError(f"{where}: kind normal says that nothing is there, so complete is yes.")
    return text.lower()


def _implied(row: dict[str, str]) -> str:
    """The geometry whose columns are filled in."""
    for name, filled in (
        ("mask", row.get("mask")),
        ("polygon", row.get("polygon")),
        ("box", row.get("row0")),
        ("circle", row.get("radius")),
    ):
        if filled:
            return name
    return "none"


def _coordinates(
    row: dict[str, str], geometry: str, where: str, folder: Path, decimal_comma: bool
) -> dict | list:
    if geometry in NUMBERS:
        return {
            name: _number(row.get(name, ""), name, where, decimal_comma)
            for name in NUMBERS[geometry]
        }
    if geometry == "polygon":
        return _polygon(row.get("polygon", ""), where)
    if geometry == "mask":
        mask = folder / row.get("mask", "")
        if not mask.is_file():
            raise UserError(f"{where}: the mask {mask} does not exist.")
        return {"file": mask.as_posix()}
    return {}


def _polygon(text: str, where: str) -> list[list[float]]:
    """Points as "row col; row col; ..." or as JSON [[row, col], ...]."""
    if text.startswith("["):
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            raise UserError(f"{where}: polygon is not JSON ({error}).") from error
    points = [part.split() for part in text.split(";") if part.strip()]
    if not all(len(point) == 2 for point in points):
        raise UserError(f"{where}: polygon must be 'row col; row col; ...', not {text!r}.")
    return [[_number(word, "polygon", where, False) for word in point] for point in points]


def _number(text: str, name: str, where: str, decimal_comma: bool) -> float:
    try:
        return float(text.replace(",", ".") if decimal_comma else text)
    except ValueError as error:
        raise UserError(f"{where}: {name} must be a number, not {text!r}.") from error


def _word(text: str) -> str:
    """Lower case, without blanks: "Ill defined" becomes ill_defined; nothing becomes unknown."""
    return re.sub(r"[^a-z0-9_-]+", "_", text.lower()).strip("_-") or "unknown"
