"""VinDr-Mammo in its own layout: images/STUDY/IMAGE.dicom and its tables, wherever they lie.

20,000 digital mammograms of 5,000 women, one study of four each, so the study stands for the
patient. Boxed are findings of BI-RADS 3 and more and changes of skin, nipple and lymph nodes, but
no benign findings. So an image without a box is normal where its breast has BI-RADS 1 or 2, and
unknown otherwise; beside the boxes of an image nothing is known to be normal.

Source: Nguyen HT et al. (2023), VinDr-Mammo: a large-scale benchmark dataset for computer-aided
diagnosis in full-field digital mammography, Scientific Data 10, 277,
doi:10.1038/s41597-023-02100-7.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import PurePosixPath

from pipeline.dicom.opening import is_dicom
from pipeline.ingest.bystanders import bystander, left_behind
from pipeline.ingest.catalog import Catalog, make_catalog
from pipeline.ingest.image_ids import image_ids
from pipeline.ingest.importers import Request
from pipeline.ingest.listing import ListedFile
from pipeline.ingest.vindr_tables import BREASTS, Box, ImageRow, Tables, read_tables, table_files

SUFFIXES = (".dicom", ".dcm", "")
NORMAL_BIRADS = ("1", "2")
# They accompany a lesion and have no BI-RADS: beside another category they are not the kind.
COMPANIONS = ("Nipple Retraction", "Skin Retraction", "Skin Thickening", "Suspicious Lymph Node")
_STUDY = re.compile(r"[0-9a-f]{32}")


def read(request: Request) -> Catalog:
    """Catalog of VinDr-Mammo.

    Raises:
        UserError: finding_annotations.csv is not there, or a table makes no sense.
    """
    own = table_files(request.files)
    tables = read_tables(own)
    found, ends = _sorted(request.files, tables)
    ends |= {table.name: ("skipped", "a table of the data set") for table in own.values()}
    splits = _splits_of_studies(tables.images.values())
    ids = image_ids([file.name for file in found])
    images, findings = [], []
    for file in found:
        image_id, row = ids[file.name], tables.images.get(file.path.stem)
        boxes = tables.boxes.get(file.path.stem)
        image = _image(file, row, boxes, splits)
        image["scanner"] = tables.scanners.get(file.path.stem, "")
        images.append({"image_id": image_id, **image})
        for number, box in enumerate(boxes or [], start=1):
            name = {"finding_id": f"{image_id}-{number}", "image_id": image_id}
            findings.append(name | _finding(box))
    _tell(tables, {file.path.stem for file in found}, splits)
    files = [
        {"file": file.name, "status": ends[file.name][0], "reason": ends[file.name][1]}
        | {"bytes": file.size}
        for file in request.files
    ]
    return make_catalog(images, findings, files)


def _sorted(
    files: tuple[ListedFile, ...], tables: Tables
) -> tuple[list[ListedFile], dict[str, tuple[str, str]]]:
    """The images, and status and reason of every file."""
    first: dict[str, ListedFile] = {}
    found, ends = [], {}
    for file in files:
        path = PurePosixPath(file.name)
        known = path.stem in tables.images
        status = "skipped"
        if reason := left_behind(file):
            pass
        elif path.suffix.lower() not in SUFFIXES or (not path.suffix and not known):
            reason = bystander(file)
        elif known and path.stem in first:
            reason = f"the same image as {first[path.stem].name}"
        elif reason := _no_image(file):
            status = "failed"
        else:
            status, reason = "candidate", "" if known else "the tables have no row for it"
            first[path.stem] = file
            found.append(file)
        ends[file.name] = (status, reason)
    return found, ends


def _no_image(file: ListedFile) -> str:
    try:
        return "" if is_dicom(file.path) else "not DICOM" if file.size else "an empty file"
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def _splits_of_studies(rows: Iterable[ImageRow]) -> dict[str, set[str]]:
    splits = defaultdict(set)
    for row in rows:
        splits[row.study_id].add(row.split)
    return splits


def _image(
    file: ListedFile, row: ImageRow | None, boxes: list[Box] | None, splits: dict[str, set[str]]
) -> dict:
    """The image's row of the catalog, without its id."""
    image = {
        "patient_id": row.study_id if row else _patient(file),
        "file": file.path.as_posix(),
        "source": file.name,
        "dataset": "vindr",
        "outcome": "abnormal" if boxes else "unknown",
        "complete": "no",
    }
    # No row in the table of findings, and nobody has said that there is none.
    if row and row.birads in NORMAL_BIRADS and boxes == []:
        image |= {"outcome": "normal", "complete": "yes"}
    if row:
        image |= {"laterality": row.laterality, "view": row.view, "density": row.density}
    # A study in both parts is a test study: no test woman is ever learned from.
    parts = splits.get(image["patient_id"], set())
    image["split_hint"] = "test" if "test" in parts else max(parts, default="")
    return image


def _patient(file: ListedFile) -> str:
    """The folder, where it is called like a study; else the file stands for itself."""
    folder = PurePosixPath(file.name).parent.name
    return folder if _STUDY.fullmatch(folder) else file.name


def _finding(box: Box) -> dict:
    lesions = [name for name in box.categories if name not in COMPANIONS] or list(box.categories)
    others = [name for name in box.categories if name != lesions[0]]
    notes = [f"also {', '.join(others)}"] if others else []
    geometry, coordinates = "none", {}
    if box.corners:
        geometry = "box"
        coordinates = dict(zip(("row0", "col0", "row1", "col1"), box.corners, strict=True))
        notes += ["clipped: it left the image"] if box.clipped else []
    else:
        notes.append(
            "its box lies outside the image" if box.clipped else "no box, or one without area"
        )
    return {
        "kind": re.sub(r"[^a-z0-9]+", "_", lesions[0].lower()).strip("_"),
        "pathology": f"birads_{box.birads}" if box.birads else "unknown",
        "geometry": geometry,
        "coordinates": json.dumps(coordinates),
        "note": "; ".join(notes),
    }


def _tell(tables: Tables, stems: set[str], splits: dict[str, set[str]]) -> None:
    """Say what the user may not expect, how often, and where for example."""
    clipped = [s for s in sorted(stems) for box in tables.boxes.get(s, []) if box.clipped]
    mixed = [study for study, parts in splits.items() if len(parts - {""}) > 1]
    for what, names in (
        ("images of the tables not here", set(tables.images) - stems),
        ("images without a row in the tables, so unknown", stems - set(tables.images)),
        ("boxes clipped that left their image", clipped),
        (f"images split otherwise in {BREASTS}, which holds", tables.resplit),
        ("studies both in training and in test, taken as test", mixed),
    ):
        if names:
            print(f"note: {what}: {len(names)}, such as {min(names)}")
