"""VinDr-Mammo in its own layout: images/STUDY/IMAGE.dicom and its tables, wherever they lie.

20,000 digital mammograms of 5,000 women, one study of four each, so the study stands for the
patient. Boxed are findings of BI-RADS 3 and more and changes of skin, nipple and lymph nodes, but
no benign findings. So an image without a box is normal where its breast has BI-RADS 1 or 2, and
unknown otherwise; beside the boxes of an image nothing is known to be normal.

Source: Nguyen HT et al. (2023), VinDr-Mammo: a large-scale benchmark dataset for computer-aided
diagnosis in full-field digital mammography, Scientific Data 10, 277,
doi:10.1038/s41597-023-02100-7.
"""

import re
from collections import defaultdict
from pathlib import PurePosixPath

from pipeline.dicom.header import Header
from pipeline.ingest.catalog import Catalog
from pipeline.ingest.catalog_builder import CatalogBuilder
from pipeline.ingest.headers import read_headers
from pipeline.ingest.ignored_files import not_dicom
from pipeline.ingest.image_ids import image_ids
from pipeline.ingest.importers import Request
from pipeline.ingest.notes import tell
from pipeline.ingest.source_files import SourceFile
from pipeline.ingest.vindr.tables import (
    BREASTS,
    CLIPPED,
    FINDINGS,
    NEEDED,
    OF_IMAGE,
    OUTSIDE,
    SPLITS,
    Tables,
    last_word,
    read_tables,
)

SUFFIXES = (".dicom", ".dcm", "")
NORMAL_BIRADS = ("1", "2")
# Then the table is one of smaller copies of the images, or the files are.
OTHER_SIZE = "the table gives it another size than it has: its boxes are not used"
WITHOUT_PLACE = {"geometry": "none", "coordinates": {}, "note": OTHER_SIZE}
_STUDY = re.compile(r"[0-9a-f]{32}")


def read(request: Request) -> Catalog:
    """Catalog of VinDr-Mammo.

    Raises:
        UserError: finding_annotations.csv is not there, or a table makes no sense.
    """
    builder = CatalogBuilder(request.files, dataset="vindr")
    request.table(FINDINGS, "Put the table of VinDr-Mammo beside the folder images")
    files = {name: request.nearest[name] for name in NEEDED if name in request.nearest}
    for file in files.values():
        builder.skip(file, "a table of the data set")
    tables = read_tables({name: file.path for name, file in files.items()})
    splits: dict[str, set[str]] = defaultdict(set)
    for row in tables.images.values():
        splits[row["study_id"]].add(SPLITS[row["split"]])
    found = _images(builder, tables)
    ids = image_ids([file.name for file in found])
    headers = read_headers(request, [file for file in found if file.path.stem in tables.sizes])
    for file in found:
        stem = file.path.stem
        remarks = [] if stem in tables.images else ["the tables have no row for it"]
        findings, header = tables.findings.get(stem, []), headers.get(file)
        if isinstance(header, Header) and header.shape not in (None, tables.sizes[stem]):
            remarks.append(OTHER_SIZE)
            findings = [finding | WITHOUT_PLACE for finding in findings]
        builder.add_image(
            file,
            image_id=ids[file.name],
            remarks=remarks,
            findings=findings,
            **_image(file, tables, splits),
        )
    _tell(tables, {file.path.stem for file in found}, splits)
    return builder.catalog()


def _images(builder: CatalogBuilder, tables: Tables) -> list[SourceFile]:
    """The files that are images; of several of the same image only the first."""
    builder.skip_left_behind()
    first: dict[str, SourceFile] = {}
    found = []
    for file in builder.left():
        stem = file.path.stem
        known = stem in tables.images
        if file.suffix not in SUFFIXES or not (file.suffix or known):
            continue
        if known and stem in first:
            builder.skip(file, f"the same image as {first[stem].name}")
        elif reason := not_dicom(file):
            builder.fail(file, reason)
        else:
            first[stem] = file
            found.append(file)
    return found


def _image(file: SourceFile, tables: Tables, splits: dict[str, set[str]]) -> dict:
    """The columns of an image, as far as the tables tell them."""
    # A file without a row is of the study that its folder is called like, or stands for itself.
    folder, stem = PurePosixPath(file.name).parent.name, file.path.stem
    study = folder if _STUDY.fullmatch(folder) else file.name
    row = {"study_id": study} | tables.images.get(stem, dict.fromkeys(OF_IMAGE[1:], ""))
    findings, side = tables.findings.get(stem), row["laterality"].upper()
    # Without a row in the table of findings nobody has said that there is none.
    is_normal = findings == [] and last_word(row["breast_birads"]) in NORMAL_BIRADS
    # A study in both parts is a test study: no test woman is ever learned from.
    parts = splits.get(row["study_id"], set())
    return {
        "patient_id": row["study_id"],
        "laterality": side if side in ("L", "R") else "",
        "view": row["view_position"].upper(),
        "density": last_word(row["breast_density"]),
        "split_hint": "test" if "test" in parts else max(parts, default=""),
        "outcome": "abnormal" if findings else "normal" if is_normal else "unknown",
        "complete": "yes" if is_normal else "no",
        "scanner": tables.scanners.get(stem, ""),
    }


def _tell(tables: Tables, stems: set[str], splits: dict[str, set[str]]) -> None:
    """Say what the user may not expect, how often, and where for example."""
    clipped = [
        stem
        for stem in sorted(stems)
        for finding in tables.findings.get(stem, [])
        if finding["note"].endswith((CLIPPED, OUTSIDE))
    ]
    mixed = [study for study, parts in splits.items() if len(parts - {""}) > 1]
    for what, names in (
        ("images of the tables not here", set(tables.images) - stems),
        ("boxes clipped that left their image", clipped),
        (f"images split otherwise in {BREASTS}, which holds", tables.resplit),
        ("studies both in training and in test, taken as test", mixed),
    ):
        if names:
            tell(what, sorted(names))
