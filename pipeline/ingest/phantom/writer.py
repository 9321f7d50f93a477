"""The phantom's folder: the pictures, and phantom.json, which says what they were made from.

phantom.json is written before the first picture with `complete` false, which claims the folder,
and again after the last one. Loads no pandas: workers start fast.
"""

import functools
import itertools
from dataclasses import dataclass
from pathlib import Path

from pipeline.config import PhantomSettings
from pipeline.dicom.write_synthetic import write_synthetic
from pipeline.ingest.phantom.anatomy import DETECTOR_MM, make_body
from pipeline.ingest.phantom.picture import draw_picture
from pipeline.ingest.phantom.plan import SIDES, VIEWS, Patient, plan_patient
from pipeline.run.atomic import write_atomic, write_json
from pipeline.run.map_images import Lost, default_workers, map_images
from pipeline.run.progress import shown

RECORD = "phantom.json"
# Raise it when the same settings give other pictures: folders are then written anew.
GENERATOR = 6
# For the announcement; measured at 0.2 mm on one core of a 2024 server.
SECONDS_PER_MEGAPIXEL = 0.2
MEGABYTES_PER_MEGAPIXEL = 0.7


@dataclass(frozen=True)
class Record:
    """The content of phantom.json."""

    made_from: dict  # settings and version of the generator
    complete: bool
    images: list[dict]  # as `draw_and_write` returns them; only `file` while incomplete

    def is_current(self, root: Path, phantom: PhantomSettings) -> bool:
        """Whether the folder is whole and made from these settings."""
        if not self.complete or self.made_from != _made_from(phantom):
            return False
        paths = [(root / image["file"], image["bytes"]) for image in self.images]
        return all(path.is_file() and path.stat().st_size == size for path, size in paths)


@dataclass(frozen=True)
class PictureJob:
    """One picture to write."""

    root: Path
    phantom: PhantomSettings
    patient: Patient
    side: str
    view: str

    @property
    def file(self) -> str:
        """The picture's name below the root."""
        patient = self.patient
        return f"{patient.patient_id}/{patient.image_id(self.side, self.view)}.dcm"


def write_phantom(
    root: Path, phantom: PhantomSettings, *, old: Record | None = None, workers: int | None = None
) -> Record:
    """Write all pictures; the files do not depend on the number of workers.

    Args:
        old: record of what the folder holds; its files are removed first.
        workers: processes, 0 for this one alone; all cores it may use if absent.

    Raises:
        RuntimeError: a worker did not come back.
    """
    patients = [plan_patient(index, phantom) for index in range(phantom.patients)]
    jobs = [PictureJob(root, phantom, *of) for of in itertools.product(patients, SIDES, VIEWS)]
    megapixels = len(jobs) * DETECTOR_MM[0] * DETECTOR_MM[1] / phantom.spacing_mm**2 / 1e6
    print(
        f"Drawing {len(jobs)} synthetic mammograms into {root}: about "
        f"{megapixels * SECONDS_PER_MEGAPIXEL / default_workers():.0f} s and "
        f"{megapixels * MEGABYTES_PER_MEGAPIXEL:.0f} MB.",
        flush=True,
    )
    _remove([root / image["file"] for image in old.images] if old else [])
    _write_record(root, Record(_made_from(phantom), False, [{"file": job.file} for job in jobs]))
    images = []
    drawn = map_images(draw_and_write, jobs, workers=workers)
    for image in shown(drawn, len(jobs), "drawing"):
        if isinstance(image, Lost):
            raise RuntimeError(f"A synthetic mammogram could not be written: {image.reason}")
        images.append(image)
    record = Record(_made_from(phantom), True, images)
    _write_record(root, record)
    return record


def write_example(root: Path, phantom: PhantomSettings) -> Path:
    """Draw one picture, the left CC view of the first patient, and write it below `root`."""
    job = PictureJob(root, phantom, plan_patient(0, phantom), "L", "CC")
    draw_and_write(job)
    return root / job.file


def draw_and_write(job: PictureJob) -> dict:
    """Draw and write one picture; return its entry of the record."""
    phantom, patient, side, view = job.phantom, job.patient, job.side, job.view
    picture = draw_picture(patient, side, view, phantom)
    path, image_id = job.root / job.file, patient.image_id(side, view)
    write = functools.partial(
        write_synthetic,
        pixels=picture.pixels,
        patient_id=patient.patient_id,
        laterality=side,
        view=view,
        spacing_mm=phantom.spacing_mm,
        inverted=patient.inverted,
        encoding=patient.syntax,
    )
    write_atomic(path, write)
    return {
        "file": job.file,
        "bytes": path.stat().st_size,
        "image_id": image_id,
        "patient_id": patient.patient_id,
        "laterality": side,
        "view": view,
        "spacing_mm": phantom.spacing_mm,
        "density": "ABCD"[min(3, int(4 * make_body(patient.index, phantom).density))],
        "findings": [
            {
                "finding_id": f"{image_id}-{lesion.number + 1}",
                "kind": lesion.kind,
                "pathology": lesion.pathology,
                "polygon": lesion.outline.round(2).tolist(),
            }
            for lesion in picture.lesions
        ],
    }


def _made_from(phantom: PhantomSettings) -> dict:
    return {"generator": GENERATOR, **phantom.model_dump(mode="json")}


def _write_record(root: Path, record: Record) -> None:
    write_json(root / RECORD, vars(record))


def _remove(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
    for folder in {path.parent for path in paths}:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
