"""The phantom as a data set: its files are written once, then only listed.

Writes below data.root: SYNTHETIC-0001/SYNTHETIC-0001-L-CC.dcm and so on, four files for each
patient, and phantom.json.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.config import DataSettings, PhantomSettings
from pipeline.ingest.phantom.record import RECORD, Record, is_current, read_record
from pipeline.ingest.phantom.writer import write_phantom
from pipeline.ingest.source_files import list_files

if TYPE_CHECKING:
    from pipeline.ingest.catalog import Catalog

# Raise it when the same settings give other pictures: folders are then written anew.
GENERATOR = 5


def read_phantom(
    data: DataSettings, phantom: PhantomSettings, *, workers: int | None = None
) -> "Catalog":
    """Catalog of the phantom in data.root, which is written if it is not there yet.

    Args:
        data: names the folder.
        phantom: what to write.
        workers: processes; all cores that this process may use if absent.

    Raises:
        UserError: data.root holds something else.
    """
    made_from = {"generator": GENERATOR, **phantom.model_dump(mode="json")}
    record = read_record(data.root)
    if not is_current(data.root, record, made_from):
        record = write_phantom(data.root, phantom, made_from=made_from, old=record, workers=workers)
    return _catalog(data.root, record)


def _catalog(root: Path, record: Record) -> "Catalog":
    # Here, because the workers of the pool load this file and have no use for pandas.
    from pipeline.ingest.catalog import make_catalog

    images, findings = [], []
    for entry in record.images:
        shared = ("image_id", "patient_id", "laterality", "view", "spacing_mm", "density")
        images.append(
            {name: entry[name] for name in shared}
            | {
                "file": (root / entry["file"]).as_posix(),
                "source": entry["file"],
                "dataset": "phantom",
                "outcome": "abnormal" if entry["findings"] else "normal",
            }
        )
        for finding in entry["findings"]:
            row = {name: finding[name] for name in ("finding_id", "kind", "pathology")}
            outline = json.dumps(finding["polygon"])
            findings.append(
                row | {"image_id": entry["image_id"], "geometry": "polygon", "coordinates": outline}
            )
    pictures = {entry["file"] for entry in record.images}
    return make_catalog(images, findings, _file_rows(root, pictures))


def _file_rows(root: Path, pictures: set[str]) -> list[dict]:
    rows = []
    for file in list_files(root).files:
        status, reason = "skipped", "not a picture of the phantom"
        if file.name in pictures:
            status, reason = "candidate", ""
        elif file.name == RECORD:
            reason = "record of the phantom"
        rows.append({"file": file.name, "status": status, "reason": reason, "bytes": file.size})
    return rows
