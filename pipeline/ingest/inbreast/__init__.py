"""INbreast in its own layout: AllDICOMs, AllXML and INbreast.csv, wherever they lie below the root.

410 digital mammograms of 115 cases, two or four of each. `20586908_6c61_MG_R_ML_ANON.dcm` names
image, patient, side and view, and ML means MLO. The headers name neither patient nor view.

BI-RADS is the reader's judgement, no biopsy; up to 3 an outline is mostly not cancer. All 343
images of BI-RADS 2 and more come with outlines, so only BI-RADS 1 without outlines is normal;
with any other, the outlines are missing.

Source: Moreira IC et al. (2012), INbreast: toward a full-field digital mammographic database,
Academic Radiology 19, 236-248, doi:10.1016/j.acra.2011.09.014.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from pipeline.ingest.catalog import Catalog
from pipeline.ingest.catalog_builder import CatalogBuilder
from pipeline.ingest.cells import acr_density, as_word, without_decimals
from pipeline.ingest.headers import read_headers
from pipeline.ingest.ignored_files import not_dicom
from pipeline.ingest.importers import Request
from pipeline.ingest.inbreast.osirix import Regions, read_regions
from pipeline.ingest.notes import tell
from pipeline.ingest.source_files import SourceFile
from pipeline.run.csv_tables import read_text_table
from pipeline.run.errors import UserError
from pipeline.run.map_images import Lost

SPACING_MM = 0.07  # of the set's only detector, where a file has lost its own
POINT_RADIUS_MM = 0.5  # a calcification that is marked by a point is about 1 mm across at most
VIEWS = {"ML": "MLO"}
KINDS = {  # as they are misspelt
    "calcifications": "calcification",
    "espiculated_region": "spiculated_region",
    "assymetry": "asymmetry",
    "asimmetry": "asymmetry",
}
POINT_KINDS = ("calcification", "cluster", "unknown")  # may be marked by one or two points
_NAME = re.compile(r"(\d+)_([0-9a-z]+)_MG_([LR])_([A-Z]+)_ANON\.dcm", re.IGNORECASE)
_UNNAMED = re.compile(r"unnamed|point_?\d*")  # what OsiriX calls a region by itself


def read(request: Request) -> Catalog:
    """Catalog of INbreast.

    Raises:
        UserError: the table is there as a spreadsheet alone, or makes no sense.
    """
    builder = CatalogBuilder(request.files, dataset="inbreast")
    table = table_file(request.nearest)
    rows = read_table(table.path) if table else {}
    if table:
        builder.skip(table, "the table of the data set")
    else:
        tell("no INbreast.csv: BI-RADS and density are unknown, no image counts as normal")
    found, exports = _sorted(builder)
    if absent := sorted(set(rows) - set(found)):
        tell("images of INbreast.csv that are not here", absent)
    for (image_id, file), header in zip(
        found.items(), read_headers(request, list(found.values())).values(), strict=True
    ):
        export, row = exports.pop(image_id, None), rows.get(image_id, {})
        regions = Regions(())
        if export:
            what = f"outlines of {file.name}"
            try:
                regions = read_regions(export.path)
            except (ValueError, OSError) as error:  # nobody knows how many are missing
                regions, what = Regions((), missing=1), f"outlines that cannot be read: {error}"
            builder.skip(export, what)
        if isinstance(header, Lost):
            builder.fail(file, f"its header: {header.reason}")
            continue
        spacing_mm = header.spacing_mm if header else None
        radius_px = POINT_RADIUS_MM / (spacing_mm or SPACING_MM)
        pathology = f"birads_{row['birads']}" if row.get("birads") else "unknown"
        findings = [{"pathology": pathology, **f} for f in _findings(regions, radius_px)]
        image = _image(file, row, regions, is_abnormal=bool(findings))
        no_row = f"{table.path.name} has no row for it" if table and not row else ""
        builder.add_image(
            file,
            image_id=image_id,
            remarks=filter(None, (no_row, *_doubts(image, row, regions))),
            findings=findings,
            spacing_mm=None if spacing_mm else SPACING_MM,
            **image,
        )
    for export in exports.values():
        builder.skip(export, "outlines of an image that is not here")
    return builder.catalog()


def _sorted(builder: CatalogBuilder) -> tuple[dict[str, SourceFile], dict[str, SourceFile]]:
    """Images by id and exports of their outlines by id; what is neither is accounted for."""
    images: dict[str, SourceFile] = {}
    exports: dict[str, SourceFile] = {}
    builder.skip_left_behind()
    for file in builder.left():
        match, stem = _NAME.fullmatch(file.path.name), file.path.stem
        is_export = file.suffix == ".xml" and stem.isdigit()
        if "pectoral" in file.name.lower():
            builder.skip(file, "outline of the pectoral muscle")
        elif match and (reason := not_dicom(file)):
            builder.fail(file, reason)
        elif match or is_export:
            kept = images if match else exports
            first = kept.setdefault(match[1] if match else stem, file)
            if first is not file:
                builder.skip(file, f"the same as {first.name}")
        elif file.suffix == ".roi":
            builder.skip(file, "outlines, read from XML")
    return images, exports


def _image(file: SourceFile, row: dict[str, str], regions: Regions, *, is_abnormal: bool) -> dict:
    """The columns of an image, by its name, its row of the table and its outlines."""
    _, patient, _, side, view, _ = file.path.name.split("_")
    is_normal = not is_abnormal and not regions.missing and row.get("birads") == "1"
    is_known = is_abnormal or is_normal
    return {
        "patient_id": patient.lower(),
        "laterality": side.upper(),
        "view": VIEWS.get(view.upper(), view.upper()),
        "outcome": "abnormal" if is_abnormal else "normal" if is_normal else "unknown",
        "complete": "yes" if is_known and not regions.missing else "no",
        "density": row.get("density", ""),
    }


def _findings(regions: Regions, point_radius_px: float) -> Iterator[dict]:
    """The columns of the findings: an outline, or a circle at each point of a point mark."""
    for roi in regions.rois:
        kind = as_word(roi.name)
        if _UNNAMED.fullmatch(kind) or not kind[0].isalpha():
            kind = "unknown"
        if "pectoral" in kind:
            continue
        note = f"called {roi.name!r}" if kind == "unknown" else ""
        finding = {"kind": KINDS.get(kind, kind), "note": note}
        if roi.problem:
            yield finding | {"note": roi.problem}
        elif len(roi.points) >= 3:
            yield finding | {"geometry": "polygon", "coordinates": [*map(list, roi.points)]}
        elif finding["kind"] not in POINT_KINDS:
            yield finding | {"note": f"marked by {len(roi.points)} points, no outline"}
        else:
            for row, col in roi.points:
                circle = {"row": row, "col": col, "radius": round(point_radius_px, 3)}
                shape = {"geometry": "circle", "coordinates": circle}
                yield finding | shape | {"note": note or "a point"}


def _doubts(image: dict[str, str], row: dict[str, str], regions: Regions) -> Iterator[str]:
    """What the user should know about an image, in words that many images can share."""
    for name in ("laterality", "view"):
        in_table = row.get(name, "")
        if in_table not in ("", image[name]):
            yield f"{name} is {image[name]} in the file's name, {in_table} in the table"
    birads = row.get("birads", "")
    if regions.missing:
        yield "its outlines cannot be read, or some are missing"
    elif image["outcome"] == "unknown" and birads:
        yield "not BI-RADS 1 and no outlines: unknown, not normal"
    elif image["outcome"] == "abnormal" and birads == "1":
        yield "BI-RADS 1 and outlines: abnormal"


_COLUMNS = ("laterality", "view", "filename", "acr", "birads")
_BIRADS = re.compile(r"[0-6][abc]?")


def table_file(nearest: dict[str, SourceFile]) -> SourceFile | None:
    """INbreast.csv, the one nearest to the root; None where the data set comes without a table.

    Raises:
        UserError: it is there as a spreadsheet alone.
    """
    sheet = nearest.get("inbreast.xls") or nearest.get("inbreast.xlsx")
    if "inbreast.csv" not in nearest and sheet:
        raise UserError(
            f"{sheet.path} is a spreadsheet, and INbreast.csv is not there. Open it, save its "
            "first sheet as CSV under the name INbreast.csv beside it, and run this again."
        )
    return nearest.get("inbreast.csv")


def read_table(path: Path) -> dict[str, dict[str, str]]:
    """What INbreast.csv says by image id: laterality, view, density (ACR, 1 to 4) and birads.

        Patient ID;Patient age;Laterality;View;Acquisition date;File Name;ACR;Bi-Rads

    The table that comes with the set has these columns. One saved from INbreast.xls has more, may
    be separated by commas, may have 22678622,0 for a number, and ends with rows of totals. Rows
    without an image, such as totals, are passed over; what a row does not say is "".

    Raises:
        UserError: a column is missing, a BI-RADS is none, or an image has two different rows.
    """
    table = read_text_table(
        path,
        needed=_COLUMNS,
        rename=lambda cell: re.sub(r"[^a-z]", "", cell.lower()),
        separators=";,\t",
        advice="It must have Laterality, View, File Name, ACR and Bi-Rads.",
        lenient=True,
    )
    rows: dict[str, dict[str, str]] = {}
    for where, cells in table.rows:
        cell = {name: without_decimals(value) for name, value in cells.items()}
        image_id, side = cell["filename"], cell["laterality"].upper()
        if not image_id.isdigit() or side not in ("L", "R"):
            continue
        birads = cell["birads"].lower()
        if birads and not _BIRADS.fullmatch(birads):
            raise UserError(f"{where}: Bi-Rads must be such as 2 or 4a, not {birads!r}.")
        row = {
            "laterality": side,
            "view": cell["view"].upper(),
            "density": acr_density(cell["acr"]),
            "birads": birads,
        }
        if rows.setdefault(image_id, row) != row:
            raise UserError(f"{where}: image {image_id} has another row that says otherwise.")
    return rows
