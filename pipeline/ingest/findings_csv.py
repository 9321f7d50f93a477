"""The user's own table of findings, findings.csv; docs/findings-csv.md describes its columns."""

import difflib
import json
import re
from dataclasses import dataclass
from pathlib import Path

from pipeline.annotations.coordinates import NAMES, coordinates_problem, unit_problem
from pipeline.ingest.catalog_builder import CatalogBuilder
from pipeline.ingest.cells import as_word
from pipeline.ingest.importers import Request
from pipeline.run.csv_tables import TextTable, read_text_table
from pipeline.run.errors import UserError
from pipeline.run.object_path import place
from pipeline.run.pseudonyms import original

# Columns that are about the image; each line of an image may say them, or only one.
OF_IMAGE = ("patient_id", "density", "site", "complete")
COLUMNS = (
    *("file", "image_id", *OF_IMAGE, "finding_id", "kind", "pathology", "geometry"),
    *(*NAMES["circle"], *NAMES["box"], "polygon", "mask"),
)
_DENSITY = re.compile(r"[1-4a-dA-D]?")
# The geometry of a line that does not name it: the first of which a column is filled in.
IMPLIED = {"mask": "mask", "polygon": "polygon", "row0": "box", "radius": "circle"}
# How others call the places that have names of their own here.
_OTHER_PLACES = re.compile(
    r"[xy]|c[xy]|[xyc][ _-]?(min|max|cent(er|re)|\d)|(min|max|cent(er|re))[ _-]?[xy]|left|top"
    r"|(b|bounding)[ _-]?box.*|coordinates?"
)
# 1.204 as a whole number, of where the comma stands before the decimals.
_WITH_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(\.\d{3})+(,\d+)?")
NORMAL = "normal"  # the kind that says: this image has been looked at and has no finding
# Words of others for it, which would be findings at a place that nobody knows.
_NOTHING_FOUND = frozenset(
    (
        *("none", "no", "non", "nothing", "negative", "healthy", "norm", "no_lesion", "no_mass"),
        *("no_finding", "no_findings", "no_abnormality", "birads_1", "bi-rads_1"),
        *("normalbefund", "kein_befund", "ohne_befund", "o_b", "unauff_llig", "unauffaellig"),
        *("rien", "aucun", "aucune", "ras", "n_gatif", "negatif", "nada", "ninguno", "negativo"),
        *("sin_hallazgos", "nessuno", "nessun_reperto", "nihil", "geen"),
    )
)


@dataclass(frozen=True)
class FindingLine:
    """One line of the table."""

    where: str  # table and line, for messages
    file: str  # the image that it is about, or "" where image_id says it
    image_id: str
    of_image: dict[str, str]  # what it says about the image, of OF_IMAGE
    finding: dict  # for `CatalogBuilder.add_finding`


def users_findings(request: Request, builder: CatalogBuilder) -> list[FindingLine]:
    """The lines of data.findings, or of findings.csv in data.root; [] where there is no table.

    The masks that they name are skipped: they are no mammograms themselves.

    Raises:
        UserError: data.findings names no file, or the table is wrong.
    """
    given = request.data.findings
    if given is not None and not given.is_file():
        raise UserError(f"data.findings={given} is no file. Name the table of findings.")
    path = given or request.data.root / "findings.csv"
    lines = read_findings(path) if path.is_file() else []
    outlines = [line.finding for line in lines if line.finding["geometry"] == "mask"]
    masks = {place(outline["coordinates"]["file"]).resolve() for outline in outlines}
    for file in builder.left() if masks else ():
        if file.path.resolve() in masks:
            builder.skip(file, "the mask of a finding")
    return lines


def read_findings(path: Path) -> list[FindingLine]:
    """Read the table.

    Raises:
        UserError: a column or a value is wrong; names the line.
    """
    table = read_text_table(path, rename=lambda cell: cell.strip().lower(), separators=",;\t")
    names = set(table.columns)
    if not {"file", "image_id"} & names or "kind" not in names:
        raise UserError(
            f"{path} must have the columns kind and file (or image_id), not {table.columns}. "
            "docs/findings-csv.md shows an example."
        )
    for name in sorted(names - set(COLUMNS)):
        near = difflib.get_close_matches(name, COLUMNS, 1, 0.75)
        if near:
            raise UserError(f"{path}: column {name!r} is unknown. Did you mean {near[0]!r}?")
    _check_thousands(table)
    lines = []
    for where, cells in table.rows:
        try:
            row = dict.fromkeys(COLUMNS, "") | cells
            lines.append(_line(where, row, path.parent, decimal_comma=table.separator == ";"))
        except ValueError as error:
            raise UserError(f"{where}: {error}.") from error
    return lines


def _check_thousands(table: TextTable) -> None:
    """Refuse points that may stand between thousands: all before three digits, and some without."""
    names = {*NAMES["circle"], *NAMES["box"]} & set(table.columns)
    cells = [(where, row[name]) for where, row in table.rows for name in names if row[name]]
    pointed = [(where, text) for where, text in cells if "." in text]
    if table.separator == "," or len(pointed) == len(cells):
        return
    if pointed and all(_WITH_THOUSANDS.fullmatch(text) for _, text in pointed):
        where, text = pointed[0]
        raise UserError(
            f"{where}: {text} may have a point between thousands or before decimals. Write numbers "
            "without points between thousands, and others with as many decimals as the rest."
        )


def _line(where: str, row: dict[str, str], folder: Path, *, decimal_comma: bool) -> FindingLine:
    """A line of the table."""
    if not row["file"] and not row["image_id"]:
        raise ValueError("file (or image_id) is blank")
    implied = next((geometry for name, geometry in IMPLIED.items() if row[name]), "none")
    geometry = row["geometry"].lower() or implied
    if geometry not in NAMES:
        raise ValueError(f"geometry must be one of {tuple(NAMES)}, not {geometry!r}")
    unused = [name for name in (*NAMES["circle"], *NAMES["box"]) if row[name]]
    if geometry == "none" and unused:
        raise ValueError(
            f"{', '.join(unused)} is given, which is no whole circle (row, col, radius) and no box"
        )
    kind, pathology = (_word(row[name], name) for name in ("kind", "pathology"))
    if kind == NORMAL and geometry != "none":
        raise ValueError(f"kind normal cannot have a {geometry}")
    if geometry == "none" and kind in _NOTHING_FOUND:
        raise ValueError(
            f"kind {row['kind']!r} would be a finding at an unknown place; for an image in which "
            "nothing was found it is normal"
        )
    places = [name for name, cell in row.items() if cell and _OTHER_PLACES.fullmatch(name)]
    if geometry == "none" and kind != NORMAL and places:
        raise ValueError(
            f"the columns {', '.join(places)} look like places, which would not be read; call them "
            "row, col, radius or row0, col0, row1, col1, in pixels"
        )
    of_image = {name: original(row[name]) for name in OF_IMAGE if row[name]}
    if not _DENSITY.fullmatch(row["density"]):
        raise ValueError(f"density must be 1 to 4 or a to d, not {row['density']!r}")
    if complete := row["complete"].lower():
        if complete not in ("yes", "no"):
            raise ValueError(f"complete must be yes or no, not {row['complete']!r}")
        if kind == NORMAL and complete == "no":
            raise ValueError("kind normal says that nothing is there, so complete is yes")
        of_image["complete"] = complete
    coordinates = _coordinates(row, geometry, folder, "," if decimal_comma else ".")
    problem = coordinates_problem(geometry, json.dumps(coordinates))
    if problem := problem or unit_problem(geometry, coordinates):
        raise ValueError(problem)
    finding = {
        "finding_id": row["finding_id"],
        "kind": kind,
        "pathology": pathology,
        "geometry": geometry,
        "coordinates": coordinates,
    }
    file = row["file"].replace("\\", "/").removeprefix("./")
    return FindingLine(where, file, original(row["image_id"]), of_image, finding)


def _word(text: str, name: str) -> str:
    """A cell as a word of the catalog; blank and signs are unknown."""
    plain = re.sub(r"[^a-z0-9]", "", text.lower())
    if any(map(str.isalnum, text)) and not plain[:1].isalpha():
        raise ValueError(f"{name} must begin with a letter from a to z, not {text!r}")
    return as_word(text)


def _coordinates(row: dict[str, str], geometry: str, folder: Path, point: str) -> dict | list:
    """As they become JSON; a polygon is "row col; row col; ..." or JSON [[row, col], ...].

    Args:
        point: what stands before the decimals of a number; JSON has its own.
    """
    if geometry == "mask":
        mask = folder / row["mask"]
        if not mask.is_file():
            raise ValueError(f"the mask {mask} does not exist")
        return {"file": mask.as_posix()}
    if geometry != "polygon":
        return {name: _number(row[name].replace(point, "."), name) for name in NAMES[geometry]}
    text = row["polygon"]
    if text.startswith("["):
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(f"polygon is not JSON ({error})") from error
    points = [part.replace(point, ".").split() for part in text.split(";") if part.strip()]
    if not all(len(each) == 2 for each in points):
        raise ValueError(f"polygon must be 'row col; row col; ...', not {text!r}")
    return [[_number(word, "polygon") for word in each] for each in points]


def _number(text: str, name: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise ValueError(f"{name} must be a number, not {text!r}") from error
