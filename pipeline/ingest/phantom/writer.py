"""Writes the phantom's folder with a pool of processes. Loads no pandas: workers start fast."""

import itertools
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cv2

from pipeline.config import PhantomSettings
from pipeline.ingest.phantom.anatomy import DETECTOR_MM, make_body
from pipeline.ingest.phantom.dicom import write_dicom
from pipeline.ingest.phantom.picture import draw_picture
from pipeline.ingest.phantom.plan import PATHOLOGY, SIDES, VIEWS, plan_patient
from pipeline.ingest.phantom.record import Record, write_record
from pipeline.run.atomic import write_atomic

# For the announcement; measured at 0.2 mm on one core of a 2024 server.
SECONDS_PER_MEGAPIXEL = 0.3
MEGABYTES_PER_MEGAPIXEL = 0.7


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
        workers: processes, 1 for this one alone; all cores it may use if absent.
    """
    tasks = list(itertools.product(range(phantom.patients), SIDES, VIEWS))
    _announce(root, phantom, len(tasks))
    names = [{"file": _file(phantom, *task)} for task in tasks]
    _remove([root / image["file"] for image in old.images] if old else [])
    write_record(root, Record(made_from, False, names))
    workers = workers or len(os.sched_getaffinity(0))
    images = _map(workers, root, phantom, tasks)
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


def _map(workers: int, root: Path, phantom: PhantomSettings, tasks: list[tuple]) -> list[dict]:
    arguments = (itertools.repeat(root), itertools.repeat(phantom), *zip(*tasks, strict=True))
    if workers == 1:
        return list(map(draw_and_write, *arguments))
    # spawn, because forking a process with running threads can hang
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        workers, context, initializer=cv2.setNumThreads, initargs=(1,)
    ) as pool:
        return list(pool.map(draw_and_write, *arguments, chunksize=4))


def _file(phantom: PhantomSettings, index: int, side: str, view: str) -> str:
    patient = plan_patient(index, phantom)
    return f"{patient.patient_id}/{patient.image_id(side, view)}.dcm"


def _announce(root: Path, phantom: PhantomSettings, pictures: int) -> None:
    megapixels = pictures * DETECTOR_MM[0] * DETECTOR_MM[1] / phantom.spacing_mm**2 / 1e6
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
