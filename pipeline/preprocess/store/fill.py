"""All images of a catalog into the store: only what is missing is decoded, in parallel."""

import shutil
from pathlib import Path

import pandas as pd

from pipeline.config import Settings
from pipeline.preprocess.store.worker import Job, Outcome, stored, work
from pipeline.run.errors import UserError
from pipeline.run.known_checksums import State, add_checksums, file_state, read_checksums
from pipeline.run.map_images import Lost, default_workers, map_images
from pipeline.run.progress import shown

# Measured on full-field images; they only serve the estimate that is printed.
_SECONDS_PER_IMAGE = 0.6
_BYTES_PER_MM2 = 0.6
_FILM_MM2 = 200.0 * 260.0


def standardise_all(images: pd.DataFrame, settings: Settings) -> dict[str, Outcome]:
    """Bring every image of the catalog into the store.

    Args:
        images: catalog/images.csv.

    Returns:
        What became of each image, by image id.

    Raises:
        UserError: the disk has not enough room.
    """
    root = settings.store.root
    unwanted = _unwanted_views(images, settings.dicom.views)
    jobs = {
        image["image_id"]: _job(image, settings)
        for image in images.to_dict("records")
        if image["image_id"] not in unwanted
    }
    states = {image_id: _state(Path(job.file)) for image_id, job in jobs.items()}
    outcomes = unwanted | _from_store(jobs, states, read_checksums(root))
    missing = [image_id for image_id in jobs if image_id not in outcomes]
    if not missing:
        return outcomes
    _announce(len(missing), settings)
    results = map_images(
        work,
        [jobs[image_id] for image_id in missing],
        workers=settings.dicom.workers,
        seconds=settings.dicom.decode_seconds,
        mib=settings.dicom.decode_mib,
    )
    done = shown(results, len(missing), "standardising")
    for image_id, result in zip(missing, done, strict=True):
        lost = isinstance(result, Lost)
        outcomes[image_id] = Outcome("failed", result.reason) if lost else result
        _remember(root, states[image_id], outcomes[image_id])
    return outcomes


def store_bytes(images: int, *, spacing_mm: float) -> float:
    """About how many bytes full-field images take in the store.

    Args:
        spacing_mm: of the standard image.
    """
    return images * _FILM_MM2 * _BYTES_PER_MM2 / spacing_mm**2


def _unwanted_views(images: pd.DataFrame, views: tuple[str, ...] | str) -> dict[str, Outcome]:
    """Images that the catalog says are of another view; of some sets no header says so."""
    if views == "any":
        return {}
    other = images[~images["view"].isin(["", *views])]
    return {
        image_id: Outcome("skipped", f"view {view} (dicom.views)")
        for image_id, view in zip(other["image_id"], other["view"], strict=True)
    }


def _job(image: dict, settings: Settings) -> Job:
    known = image["spacing_mm"] if pd.notna(image["spacing_mm"]) else settings.data.spacing_mm
    return Job(image["file"], known, settings.image, settings.dicom, settings.store.root)


def _state(path: Path) -> State | None:
    """State of a file; None where it cannot be read, which the worker will report."""
    try:
        return file_state(path)
    except OSError:
        return None


def _from_store(
    jobs: dict[str, Job], states: dict[str, State | None], checksums: dict[State, str]
) -> dict[str, Outcome]:
    found = {}
    for image_id, job in jobs.items():
        checksum = checksums.get(states[image_id])
        outcome = stored(job, checksum) if checksum else None
        if outcome:
            found[image_id] = outcome
    return found


def _remember(root: Path, state: State | None, outcome: Outcome) -> None:
    if state is not None and outcome.file_sha256:
        add_checksums(root, [(state, outcome.file_sha256)])


def _announce(count: int, settings: Settings) -> None:
    """Say what is to come, and refuse what the disk cannot hold."""
    workers = min(settings.dicom.workers or default_workers(), count)
    root = settings.store.root
    needed = store_bytes(count, spacing_mm=settings.image.spacing_mm)
    seconds = 3 + count * _SECONDS_PER_IMAGE / workers
    print(
        f"standardising {count} images with {workers} processes: about {seconds:.0f} s and "
        f"{needed / 1e6:.0f} MB in {root}",
        flush=True,
    )
    root.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(root).free
    if needed > 0.95 * free:
        raise UserError(
            f"{root} has {free / 1e9:.1f} GB free, about {needed / 1e9:.1f} GB are needed. Free "
            "some, set store.root to a larger disk, or take fewer patients with data.limit."
        )
