"""INbreast in its own layout: AllDICOMs, AllXML and INbreast.csv, wherever they lie below the root.

410 digital mammograms of 115 cases, two or four of each. `20586908_6c61_MG_R_ML_ANON.dcm` names
image, patient, side and view, and ML means MLO. The headers name neither patient nor view.

BI-RADS is the reader's judgement, no biopsy; up to 3 an outline is mostly not cancer. All 343
images of BI-RADS 2 and more come with outlines, so only BI-RADS 1 without outlines is normal;
with any other, the outlines are missing.

Source: Moreira IC et al. (2012), INbreast: toward a full-field digital mammographic database,
Academic Radiology 19, 236-248, doi:10.1016/j.acra.2011.09.014.
"""

import json
import re
import warnings
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from pipeline.dicom.opening import DICOM_ERRORS, is_dicom, read_dicom
from pipeline.dicom.values import number
from pipeline.ingest.bystanders import bystander, left_behind
from pipeline.ingest.catalog import Catalog, make_catalog
from pipeline.ingest.importers import Request
from pipeline.ingest.inbreast_table import InbreastRow, read_table, table_file
from pipeline.ingest.listing import ListedFile
from pipeline.ingest.osirix import Regions, Roi, read_regions

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
_UNNAMED = re.compile(r"(unnamed|point_?\d*)?")  # what OsiriX calls a region by itself
_SPACINGS = ("ImagerPixelSpacing", "PixelSpacing")


def read(request: Request) -> Catalog:
    """Catalog of INbreast.

    Raises:
        UserError: the table is there as a spreadsheet alone, or makes no sense.
    """
    table = table_file(request.files)
    rows = read_table(table.path) if table else {}
    found, exports, files = _sorted(request.files)
    images, findings, doubts = [], [], defaultdict(list)
    for image_id, file in found.items():
        export = exports.get(image_id)
        regions, problem = _regions(export)
        row = rows.get(image_id)
        image, of_image = _image(image_id, file, row or InbreastRow(), regions)
        said = _doubts(image, row, regions, table)
        if export:
            files[export.name] = ("skipped", problem or f"outlines of {file.name}")
        files[file.name] = ("candidate", "; ".join(said))
        images.append(image)
        findings += of_image
        for doubt in said:
            doubts[doubt].append(image_id)
    if table:
        files[table.name] = ("skipped", "the table of the data set")
    _tell(doubts, sorted(set(rows) - set(found)), table)
    return make_catalog(images, findings, _file_rows(request.files, files))


def _sorted(
    files: tuple[ListedFile, ...],
) -> tuple[dict[str, ListedFile], dict[str, ListedFile], dict[str, tuple[str, str]]]:
    """Images by id, exports of their outlines by id; status and reason of all other files."""
    images: dict[str, ListedFile] = {}
    exports: dict[str, ListedFile] = {}
    others: dict[str, tuple[str, str]] = {}
    for file in files:
        match, stem = _NAME.fullmatch(file.path.name), file.path.stem
        is_export = file.path.suffix.lower() == ".xml" and stem.isdigit()
        if reason := left_behind(file):
            others[file.name] = ("skipped", reason)
        elif "pectoral" in file.name.lower():
            others[file.name] = ("skipped", "outline of the pectoral muscle")
        elif match and (reason := _no_image(file)):
            others[file.name] = ("failed", reason)
        elif match or is_export:
            kept = images if match else exports
            first = kept.setdefault(match[1] if match else stem, file)
            if first is not file:
                others[file.name] = ("skipped", f"the same as {first.name}")
            elif is_export:
                others[file.name] = ("skipped", "outlines of an image that is not here")
        else:
            binary = file.path.suffix.lower() == ".roi"
            others[file.name] = (
                "skipped",
                "outlines, read from XML" if binary else bystander(file),
            )
    return images, exports, others


def _no_image(file: ListedFile) -> str:
    try:
        return "" if is_dicom(file.path) else "not DICOM" if file.size else "an empty file"
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def _regions(export: ListedFile | None) -> tuple[Regions, str]:
    """The regions of an image; where they cannot be read, nobody knows how many are missing."""
    if export is None:
        return Regions(()), ""
    try:
        return read_regions(export.path), ""
    except (ValueError, OSError) as error:
        return Regions((), missing=1), f"outlines that cannot be read: {error}"


def _image(
    image_id: str, file: ListedFile, row: InbreastRow, regions: Regions
) -> tuple[dict, list[dict]]:
    """Rows of the catalog: the image and its findings."""
    _, patient, side, view = _NAME.fullmatch(file.path.name).groups()
    spacing_mm = _header_spacing(file.path)
    findings = _findings(image_id, regions, row, spacing_mm or SPACING_MM)
    outcome = "abnormal" if findings else "unknown"
    if not findings and not regions.missing and row.birads == "1":
        outcome = "normal"
    image = {
        "image_id": image_id,
        "patient_id": patient.lower(),
        "laterality": side.upper(),
        "view": VIEWS.get(view.upper(), view.upper()),
        "file": file.path.as_posix(),
        "source": file.name,
        "dataset": "inbreast",
        "spacing_mm": None if spacing_mm else SPACING_MM,
        "outcome": outcome,
        "complete": "no" if outcome == "unknown" or regions.missing else "yes",
        "density": row.density,
    }
    return image, findings


def _header_spacing(path: Path) -> float | None:
    """Pixel spacing in mm, to size the points; the reader judges the file and its spacing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            header = read_dicom(path, header_only=True, tags=list(_SPACINGS))
            found = [number(header, name) for name in _SPACINGS]
        except DICOM_ERRORS:
            return None
    return next((value for value in found if value), None)


def _findings(image_id: str, regions: Regions, row: InbreastRow, spacing_mm: float) -> list[dict]:
    findings = []
    for roi in regions.rois:
        kind = _kind(roi.name)
        if "pectoral" in kind:
            continue
        for shape in _shapes(roi, kind, POINT_RADIUS_MM / spacing_mm):
            findings.append(
                {
                    "finding_id": f"{image_id}-{len(findings) + 1}",
                    "image_id": image_id,
                    "kind": kind,
                    "pathology": f"birads_{row.birads}" if row.birads else "unknown",
                    **shape,
                }
            )
    return findings


def _kind(name: str) -> str:
    word = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    if _UNNAMED.fullmatch(word) or not word[0].isalpha():
        return "unknown"
    return KINDS.get(word, word)


def _shapes(roi: Roi, kind: str, point_radius_px: float) -> list[dict]:
    """Geometry, coordinates and note: an outline, or a circle at each point of a point mark."""
    note = f"called {roi.name!r}" if kind == "unknown" else ""
    if roi.problem:
        return [{"geometry": "none", "note": roi.problem}]
    if len(roi.points) >= 3:
        outline = json.dumps([list(point) for point in roi.points])
        return [{"geometry": "polygon", "coordinates": outline, "note": note}]
    if kind not in POINT_KINDS:
        return [{"geometry": "none", "note": f"marked by {len(roi.points)} points, no outline"}]
    circles = [{"row": r, "col": c, "radius": round(point_radius_px, 3)} for r, c in roi.points]
    return [
        {"geometry": "circle", "coordinates": json.dumps(circle), "note": note or "a point"}
        for circle in circles
    ]


def _doubts(
    image: dict, row: InbreastRow | None, regions: Regions, table: ListedFile | None
) -> list[str]:
    """What the user should know about an image, in words that many images can share."""
    doubts = []
    if table and row is None:
        doubts.append(f"{table.path.name} has no row for it")
    for name in ("laterality", "view") if row else ():
        in_table = getattr(row, name)
        if in_table not in ("", image[name]):
            doubts.append(f"{name} is {image[name]} in the file's name, {in_table} in the table")
    if regions.missing:
        doubts.append("its outlines cannot be read, or some are missing")
    elif image["outcome"] == "unknown" and row and row.birads:
        doubts.append("not BI-RADS 1 and no outlines: unknown, not normal")
    elif image["outcome"] == "abnormal" and row and row.birads == "1":
        doubts.append("BI-RADS 1 and outlines: abnormal")
    return doubts


def _tell(doubts: dict[str, list[str]], absent: list[str], table: ListedFile | None) -> None:
    if table is None:
        print("note: no INbreast.csv: BI-RADS and density are unknown, no image counts as normal")
    if absent:
        print(
            f"note: {table.path.name} has {len(absent)} images that are not here: {_some(absent)}"
        )
    for doubt, image_ids in doubts.items():
        count = f" ({len(image_ids)} images)" if len(image_ids) > 3 else ""
        print(f"note: {_some(image_ids)}{count}: {doubt}")


def _some(image_ids: list[str]) -> str:
    return ", ".join(image_ids[:3]) + (" and so on" if len(image_ids) > 3 else "")


def _file_rows(listed: tuple[ListedFile, ...], ends: dict[str, tuple[str, str]]) -> Iterator[dict]:
    for file in listed:
        status, reason = ends[file.name]
        yield {"file": file.name, "status": status, "reason": reason, "bytes": file.size}
