"""The user's own table of findings, findings.csv; docs/findings-csv.md describes its columns."""

import difflib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from pipeline.annotations.coordinates import (
    EXCHANGED,
    NAMES,
    bounds,
    coordinates_problem,
    fits,
    outside_problem,
    unit_problem,
)
from pipeline.ingest.alike import KnownIds
from pipeline.ingest.catalog_builder import CatalogBuilder
from pipeline.ingest.cells import as_word
from pipeline.ingest.importers import Request
from pipeline.ingest.notes import tell
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
_SHOWN = 3  # of several wrong lines
# Outlines that all lie within so many pixels of the corner, on images so many times larger.
_MOST_PERCENT, _TIMES_LARGER = 100, 4
# The share of the outlines outside their images that no slips of single lines explain.
_MOST_OUTSIDE = 0.25
# So many outlines of so many images, none beyond so much of its image, may be in a smaller one.
_MANY, _OF_IMAGES, _CORNER = 6, 4, 0.5
# 1.204 as a whole number, of where the comma stands before the decimals.
_WITH_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(\.\d{3})+(,\d+)?")
NORMAL = "normal"  # the kind that says: this image has been looked at and has no finding
# Words of others for it, which would be findings at a place that nobody knows.
_NOTHING_FOUND = frozenset(
    (
        *("none", "no", "non", "nothing", "negative", "healthy", "norm", "no_lesion", "no_mass"),
        *("no_finding", "no_findings", "no_abnormality", "birads_1", "bi-rads_1"),
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


def join_findings(
    images: Mapping[str, dict],
    lines: Sequence[FindingLine],
    sizes: Mapping[str, tuple[int, int]] = MappingProxyType({}),
    *,
    lost: Collection[str] = (),
) -> dict[str, list[dict]]:
    """Findings by the id of their image; writes into the images what the table says of them.

    Args:
        images: columns of the catalog by file name, with their ids.
        sizes: rows and columns in pixels by file name, as far as they are known already.
        lost: names of files that cannot be read; lines about them are told and left out.

    Raises:
        UserError: a line names no image or several, contradicts another, or has the coordinates
            of another unit or order.
    """
    by_id = {image["image_id"]: [image] for image in images.values()}
    by_name = defaultdict(list)
    for name, image in images.items():
        by_name[PurePosixPath(name).name].append(image)
    by_name |= {name: [image] for name, image in images.items()}  # a whole path is no guess
    names = {*lost, *(PurePosixPath(name).name for name in lost)} - set(by_name)
    if about_lost := [line.where for line in lines if line.file in names]:
        tell("lines about files that cannot be read, left out", about_lost)
        lines = [line for line in lines if line.file not in names]
    _check_named(lines, by_name, by_id)
    size_of = {image["image_id"]: sizes[name] for name, image in images.items() if name in sizes}
    ids = Counter(line.finding["finding_id"] for line in lines if line.finding["finding_id"])
    if ids and max(ids.values()) > 1:
        doubled = next(iter(ids.most_common(1)))[0]
        where = [line.where for line in lines if line.finding["finding_id"] == doubled]
        raise UserError(f"{where[1]}: finding_id {doubled} is that of {where[0]} as well.")
    known: set[tuple[str, str]] = set()
    findings: dict[str, list[dict]] = {image_id: [] for image_id in by_id}
    placed = []  # line, and size of its image
    twice = []
    for line in lines:
        what = line.file or line.image_id
        found = (by_name if line.file else by_id)[what]
        if len(found) > 1:
            raise UserError(f"{line.where}: {len(found)} files are called {what}; give the path.")
        image, image_id = found[0], found[0]["image_id"]
        for column, value in line.of_image.items():
            if (image_id, column) in known and image[column] != value:
                raise UserError(f"{line.where}: {column} of {image_id} is {image[column]} already.")
            known.add((image_id, column))
            image[column] = value
        outcome = "normal" if line.finding["kind"] == NORMAL else "abnormal"
        if image.setdefault("outcome", outcome) != outcome:
            raise UserError(f"{line.where}: {image_id} is called normal and has a finding.")
        has_place = line.finding["geometry"] != "none"
        if has_place and line.finding in findings[image_id]:
            twice.append(line.where)
            continue
        if outcome == "abnormal":
            findings[image_id].append(line.finding)
            if image_id in size_of and line.finding["geometry"] in ("circle", "box", "polygon"):
                placed.append((line, size_of[image_id]))
    _check_places(placed)
    if in_corner := _all_in_the_corner(placed):
        tell(in_corner)
    if twice:
        tell("lines that say what another says already, taken once", twice)
    return findings


def _check_named(
    lines: Sequence[FindingLine], by_name: Mapping[str, list], by_id: Mapping[str, list]
) -> None:
    """Refuse lines that are about no image; names the first with what was probably meant."""
    lost = [
        line
        for line in lines
        if (line.file not in by_name if line.file else line.image_id not in by_id)
    ]
    if not lost:
        return
    files, ids = KnownIds(by_name), KnownIds(by_id)
    shown = []
    for line in lost[:_SHOWN]:
        meant, why = files.meant(line.file) if line.file else ids.meant(line.image_id)
        like = f" (almost {meant!r}: {why})" if meant else ""
        shown.append(f"{line.where}: {line.file or line.image_id} is no image of data.root{like}")
    more = f"; and {len(lost) - _SHOWN} more lines" if len(lost) > _SHOWN else ""
    raise UserError(f"{'; '.join(shown)}{more}. Name a file below data.root, or take the line out.")


def _check_places(placed: Sequence[tuple[FindingLine, tuple[int, int]]]) -> None:
    """Refuse places that look like columns before rows, percentages, or pixels of other images."""
    boxes, outside = [], []
    for line, (height, width) in placed:
        geometry, value = line.finding["geometry"], line.finding["coordinates"]
        boxes.append((bounds(geometry, value), min(height, width)))
        problem = outside_problem(geometry, value, height=height, width=width)
        if problem.endswith(EXCHANGED):
            raise UserError(
                f"{line.where}: {problem}. Give the row first, then the column (y, then x), in "
                "every line of the table."
            )
        outside += [f"{line.where}: {problem}"] if problem else []
    if len(outside) > 1 and len(outside) >= _MOST_OUTSIDE * len(placed):
        raise UserError(
            f"{outside[0]}, and so do {len(outside)} of {len(placed)} outlines, as if they were in "
            "pixels of larger copies of the images. Give pixels of the images themselves."
        )
    if len(boxes) > 1 and all(
        size >= _MOST_PERCENT * _TIMES_LARGER and fits(box, _MOST_PERCENT + 1, _MOST_PERCENT + 1)
        for box, size in boxes
    ):
        raise UserError(
            f"{placed[0][0].where} and all {len(boxes)} outlines: no place is beyond pixel "
            f"{_MOST_PERCENT}, as if they were percentages of the image. Give pixels."
        )


def _all_in_the_corner(placed: Sequence[tuple[FindingLine, tuple[int, int]]]) -> str:
    """A sentence where many outlines of many images all lie near the first row and column."""
    images = {line.file or line.image_id for line, _ in placed}
    far = [0.0, 0.0]
    for line, size in placed:
        box = bounds(line.finding["geometry"], line.finding["coordinates"])
        far = [max(most, end / side) for most, end, side in zip(far, box[2:], size, strict=True)]
    if len(placed) < _MANY or len(images) < _OF_IMAGES or max(far) >= _CORNER:
        return ""
    return (
        f"all {len(placed)} outlines lie in the first {far[0]:.0%} of the rows and {far[1]:.0%} of "
        "the columns of their images, as if they were in pixels of smaller copies of them"
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
        point: what stands before the decimals of a number in a column of its own.
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
    points = [part.split() for part in text.split(";") if part.strip()]
    if not all(len(each) == 2 for each in points):
        raise ValueError(f"polygon must be 'row col; row col; ...', not {text!r}")
    return [[_number(word, "polygon") for word in each] for each in points]


def _number(text: str, name: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise ValueError(f"{name} must be a number, not {text!r}") from error
