"""The phantom as a data set: its files are written once, then only listed.

Writes below data.root: SYNTHETIC-0001/SYNTHETIC-0001-L-CC.dcm and so on, four files for each
patient, and phantom.json.
"""

import json
from pathlib import Path

from pipeline.config import DataSettings, PhantomSettings
from pipeline.ingest.catalog import Catalog
from pipeline.ingest.catalog_builder import CatalogBuilder
from pipeline.ingest.importers import Request
from pipeline.ingest.phantom.writer import RECORD, Record, write_phantom
from pipeline.ingest.source_files import list_files
from pipeline.run.errors import UserError


def read(request: Request) -> Catalog:
    """Catalog of the phantom; lists its files itself, because they may have to be written."""
    return read_phantom(request.data, request.phantom)


def read_phantom(
    data: DataSettings, phantom: PhantomSettings, *, workers: int | None = None
) -> Catalog:
    """Catalog of the phantom in data.root, which is written if it is not there yet.

    Args:
        workers: processes, 0 for this one alone; all cores that it may use if absent.

    Raises:
        UserError: data.root holds something else.
    """
    record = _read_record(data.root)
    if record is None or not record.is_current(data.root, phantom):
        record = write_phantom(data.root, phantom, old=record, workers=workers)
    return _catalog(data.root, record)


def _read_record(root: Path) -> Record | None:
    """The record of a phantom's folder; None where the folder is absent or empty."""
    path = root / RECORD
    if not path.is_file():
        if root.exists() and (not root.is_dir() or any(root.iterdir())):
            raise UserError(
                f"data.root={root} exists and is no phantom's folder (it has no {RECORD}), so "
                "nothing is written there. Choose another data.root, or say what it holds: "
                "CONFIG=configs/dicom.yaml for DICOM files, or the config of the data set."
            )
        return None
    try:
        return Record(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise UserError(
            f"{path} is damaged ({error}). Delete the folder {root} to have it written again."
        ) from error


def _catalog(root: Path, record: Record) -> Catalog:
    builder = CatalogBuilder(list_files(root).files, dataset="phantom")
    pictures = {entry["file"]: entry for entry in record.images}
    shared = ("image_id", "patient_id", "laterality", "view", "spacing_mm", "density")
    for file in builder.left():
        entry = pictures.get(file.name)
        if entry is None:
            is_record = file.name == RECORD
            reason = "record of the phantom" if is_record else "not a picture of the phantom"
            builder.skip(file, reason)
            continue
        outcome = "abnormal" if entry["findings"] else "normal"
        builder.add_image(file, outcome=outcome, **{name: entry[name] for name in shared})
        for finding in entry["findings"]:
            row = {name: finding[name] for name in ("finding_id", "kind", "pathology")}
            row |= {"geometry": "polygon", "coordinates": finding["polygon"]}
            builder.add_finding(entry["image_id"], **row)
    return builder.catalog()
