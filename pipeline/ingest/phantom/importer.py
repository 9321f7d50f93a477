"""The phantom as a data set: its files are written once, then only listed.

Writes below data.root: SYNTHETIC-0001/SYNTHETIC-0001-L-CC.dcm and so on, four files for each
patient, and phantom.json.
"""

import itertools
import json
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cv2

from pipeline.config import DataSettings, PhantomSettings
from pipeline.ingest.catalog import Catalog, make_catalog
from pipeline.ingest.listing import list_files
from pipeline.ingest.phantom.anatomy import make_body
from pipeline.ingest.phantom.dicom import write_dicom
from pipeline.ingest.phantom.picture import draw_picture
from pipeline.ingest.phantom.plan import PATHOLOGY, SIDES, VIEWS, plan_patient
from pipeline.ingest.phantom.record import RECORD, Record, is_current, read_record, write_record
from pipeline.run.atomic import write_atomic

# Raise it when the same settings give other pictures: folders are then written anew.
GENERATOR = 1
# For the announcement; measured at 0.2 mm on one core of a 2024 server.
SECONDS_PER_MEGAPIXEL = 0.3
MEGABYTES_PER_MEGAPIXEL = 0.7


def read_phantom(data: DataSettings, phantom: PhantomSettings) -> Catalog:
    """Catalog of the phantom in data.root, which is written if it is not there yet.

    Raises:
        UserError: data.root holds something else.
    """
    made_from = {"generator": GENERATOR, **phantom.model_dump(mode="json")}
    record = read_record(data.root)
    if not is_current(data.root, record, made_from):
        record = write_phantom(data.root, phantom, made_from=made_from, old=record)
    return _catalog(data.root, record)


def write_phantom(
    root: Path,
    phantom: PhantomSettings,
    *,
    made_from: dict,
    old: Record | None = None,
    workers: int | None = None,
) -> Record:
    """Write all pictures; the files do not depend on the number of workers.

    Args:
        root: folder; created where absent.
        phantom: what to write.
        made_from: goes into the record.
        old: record of what the folder holds; its files are removed first.
        workers: processes; all cores this process may use if absent.
    """
    tasks = list(itertools.product(range(phantom.patients), SIDES, VIEWS))
    _announce(root, phantom, len(tasks))
    names = [{"file": _file(phantom, *task)} for task in tasks]
    _remove([root / image["file"] for image in old.images] if old else [])
    write_record(root, Record(made_from, False, names))
    workers = workers or len(os.sched_getaffinity(0))
    arguments = (itertools.repeat(root), itertools.repeat(phantom), *zip(*tasks, strict=True))
    # spawn, because forking a process with running threads can hang
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        workers, context, initializer=cv2.setNumThreads, initargs=(1,)
    ) as pool:
        images = list(pool.map(draw_and_write, *arguments, chunksize=4))
    record = Record(made_from, True, images)
    write_record(root, record)
    return record


def draw_and_write(root: Path, phantom: PhantomSettings, index: int, side: str, view: str) -> dict:
    """Draw and write one picture; return its entry of the record."""
    patient = plan_patient(index, phantom)
    picture = draw_picture(patient, side, view, phantom)
    name = _file(phantom, index, side, view)
    path = root / name

    def write(temporary: Path) -> None:
        write_dicom(temporary, picture.pixels, patient, side, view, spacing_mm=phantom.spacing_mm)

    write_atomic(path, write)
    image_id = patient.image_id(side, view)
    density = "ABCD"[min(3, int(4 * make_body(index, phantom).density))]
    return {
        "file": name,
        "bytes": path.stat().st_size,
        "image_id": image_id,
        "patient_id": patient.patient_id,
        "laterality": side,
        "view": view,
        "spacing_mm": phantom.spacing_mm,
        "density": density,
        "findings": [
            {
                "finding_id": f"{image_id}-{lesion.number + 1}",
                "kind": lesion.kind,
                "pathology": PATHOLOGY[lesion.kind],
                "polygon": lesion.outline.round(2).tolist(),
            }
            for lesion in picture.lesions
        ],
    }


def _catalog(root: Path, record: Record) -> Catalog:
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


def _file(phantom: PhantomSettings, index: int, side: str, view: str) -> str:
    patient = plan_patient(index, phantom)
    return f"{patient.patient_id}/{patient.image_id(side, view)}.dcm"


def _announce(root: Path, phantom: PhantomSettings, pictures: int) -> None:
    megapixels = pictures * 240 * 180 / phantom.spacing_mm**2 / 1e6
    seconds = megapixels * SECONDS_PER_MEGAPIXEL / len(os.sched_getaffinity(0))
    print(
        f"Writing {pictures} synthetic mammograms into {root}: about {seconds:.0f} s and "
        f"{megapixels * MEGABYTES_PER_MEGAPIXEL:.0f} MB.",
        flush=True,
    )


def _remove(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
    for folder in {path.parent for path in paths}:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
