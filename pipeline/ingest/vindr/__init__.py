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

from pipeline.ingest.catalog import Catalog
from pipeline.ingest.catalog_builder import CatalogBuilder
from pipeline.ingest.ignored_files import not_dicom
from pipeline.ingest.image_ids import image_ids
from pipeline.ingest.importers import Request
from pipeline.ingest.source_files import SourceFile, nearest_to_root
from pipeline.ingest.vindr.tables import (
    BREASTS,
    CLIPPED,
    FINDINGS,
    METADATA,
    OUTSIDE,
    Tables,
    read_tables,
)

SUFFIXES = (".dicom", ".dcm", "")
NORMAL_BIRADS = ("1", "2")
_STUDY = re.compile(r"[0-9a-f]{32}")


def read(request: Request) -> Catalog:
    """Catalog of VinDr-Mammo.

    Raises:
        UserError: finding_annotations.csv is not there, or a table makes no sense.
    """
    builder = CatalogBuilder(request.files, dataset="vindr")
    tables = _tables(request, builder)
    found = _images(builder, tables)
    splits = _splits_of_studies(tables)
    ids = image_ids([file.name for file in found])
    for file in found:
        image_id, stem = ids[file.name], file.path.stem
        known = stem in tables.images
        remark = "" if known else "the tables have no row for it"
        builder.add_image(file, image_id=image_id, remark=remark, **_columns(file, tables, splits))
        for finding in tables.findings.get(stem, []):
            builder.add_finding(image_id, **finding)
    _tell(tables, {file.path.stem for file in found}, splits)
    return builder.catalog()


def _tables(request: Request, builder: CatalogBuilder) -> Tables:
    findings = request.table(FINDINGS, "Put the table of VinDr-Mammo beside the folder images")
    nearest = nearest_to_root(request.files)
    found = [findings, *(nearest[name] for name in (BREASTS, METADATA) if name in nearest)]
    for table in found:
        builder.skip(table, "a table of the data set")
    return read_tables({table.path.name.lower(): table.path for table in found})


def _images(builder: CatalogBuilder, tables: Tables) -> list[SourceFile]:
    """The files that are images; of several of the same image only the first."""
    builder.skip_left_behind()
    first: dict[str, SourceFile] = {}
    found = []
    for file in builder.left():
        path = PurePosixPath(file.name)
        known = path.stem in tables.images
        if file.suffix not in SUFFIXES or (not path.suffix and not known):
            continue
        if known and path.stem in first:
            builder.skip(file, f"the same image as {first[path.stem].name}")
        elif reason := not_dicom(file):
            builder.fail(file, reason)
        else:
            first[path.stem] = file
            found.append(file)
    return found


def _splits_of_studies(tables: Tables) -> dict[str, set[str]]:
    splits = defaultdict(set)
    for image in tables.images.values():
        splits[image["patient_id"]].add(image["split_hint"])
    return splits


def _columns(file: SourceFile, tables: Tables, splits: dict[str, set[str]]) -> dict:
    """What the tables say about an image."""
    stem = file.path.stem
    image = {"patient_id": _patient(file)} | tables.images.get(stem, {})
    findings = tables.findings.get(stem)
    # No row in the table of findings, and nobody has said that there is none.
    is_normal = findings == [] and tables.birads[stem] in NORMAL_BIRADS
    # A study in both parts is a test study: no test woman is ever learned from.
    parts = splits.get(image["patient_id"], set())
    return image | {
        "split_hint": "test" if "test" in parts else max(parts, default=""),
        "outcome": "abnormal" if findings else "normal" if is_normal else "unknown",
        "complete": "yes" if is_normal else "no",
        "scanner": tables.scanners.get(stem, ""),
    }


def _patient(file: SourceFile) -> str:
    """The folder, where it is called like a study; else the file stands for itself."""
    folder = PurePosixPath(file.name).parent.name
    return folder if _STUDY.fullmatch(folder) else file.name


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
        ("images without a row in the tables, so unknown", stems - set(tables.images)),
        ("boxes clipped that left their image", clipped),
        (f"images split otherwise in {BREASTS}, which holds", tables.resplit),
        ("studies both in training and in test, taken as test", mixed),
    ):
        if names:
            print(f"note: {what}: {len(names)}, such as {min(names)}")
