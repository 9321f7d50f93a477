"""A catalog's images into the store: each file is decoded and standardised once for all runs."""

import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.config import DicomSettings, ImageSettings, Settings
from pipeline.dicom.known_words import MODALITIES, SCANNERS, known, known_words, without_values
from pipeline.dicom.mammogram import Mammogram, Unusable, read_mammogram
from pipeline.dicom.selection import check_intent, check_modality, check_size, check_view
from pipeline.dicom.unusable import one_line
from pipeline.preprocess.audit.signature import image_signature
from pipeline.preprocess.store.entries import (
    damage,
    entry_key,
    entry_path,
    has_entry,
    read_info,
    write_entry,
)
from pipeline.preprocess.store.standardise import standardise
from pipeline.run.checksum import file_sha256
from pipeline.run.cluster import SCHEDULER
from pipeline.run.csv_tables import records
from pipeline.run.errors import UserError
from pipeline.run.known_checksums import work_once
from pipeline.run.map_images import Lost, default_workers
from pipeline.run.object_path import ObjectPath, on_this_machine, place
from pipeline.run.progress import Plan
from pipeline.run.pseudonyms import is_private, original_path
from pipeline.run.words import duration

if TYPE_CHECKING:
    import pandas as pd

# Measured; they only serve the estimate that is printed.
_SECONDS_TO_START, _SECONDS_PER_IMAGE, _SECONDS_PER_MEGABYTE = 3.0, 0.03, 0.03
_BYTES_PER_MM2 = 0.6
_FILM_MM2 = 200.0 * 260.0

STANDARDISING = "standardising"  # the part of a plan
_WORD = 60  # longer texts are checksums and signatures, which no two images share

# What STORE.json says about the file, under the names of `Mammogram`.
_OF_FILE = (
    *("pixel_sha256", "spacing_source", "laterality", "laterality_source", "view", "view_source"),
    *("views", "modifiers", "image_type", "modality", "intent", "implant", "magnification"),
    *("window", "polarity", "scanner", "codec", "transfer_syntax", "frame"),
)


@dataclass(frozen=True)
class Job:
    """One file to standardise."""

    file: str  # path of the DICOM file
    spacing_mm: float | None  # pixel spacing that the catalog or the settings know, in mm
    image: ImageSettings
    dicom: DicomSettings
    store_root: Path  # folder of the store
    pseudonym: str = ""  # of the file, where its path may not be written

    def entry(self, file_sha256: str) -> Path:
        """Path of the entry without suffix."""
        key = entry_key(file_sha256, image=self.image, dicom=self.dicom, spacing_mm=self.spacing_mm)
        return entry_path(self.store_root, key)


@dataclass(frozen=True)
class Outcome:
    """The end of one file."""

    status: str  # used, skipped or failed
    reason: str = ""  # why it is not used
    store: str = ""  # path of its entry without suffix, "" where it has none
    info: dict = field(default_factory=dict)  # what STORE.json holds, {} where there is none
    file_sha256: str = ""  # checksum of the file, "" where it could not be read

    def __post_init__(self) -> None:
        object.__setattr__(self, "info", _shared(self.info))

    def __reduce__(self) -> tuple:  # so that what comes from a worker is shared as well
        return Outcome, (self.status, self.reason, self.store, self.info, self.file_sha256)


def fill_store(
    images: "pd.DataFrame", settings: Settings, plan: Plan | None = None
) -> dict[str, Outcome]:
    """Bring every image of the catalog into the store; only what is missing is decoded.

    Args:
        images: catalog/images.csv.
        plan: of the whole work, whose part this is.

    Returns:
        What became of each image, by image id.

    Raises:
        UserError: the disk has not enough room.
    """
    import pandas as pd  # takes a second, and the workers, who start with this file, need none

    views = settings.dicom.views
    of_set = {
        each.prefix: settings.dicom.model_copy(update=each.grey_values)
        for each in settings.data.sets
    }
    outcomes, jobs = {}, {}
    for image in records(images):
        if views != "any" and image["view"] not in ("", *views):
            # The catalog says so; of some sets no header does.
            reason = f"view {image['view']} (dicom.views)"
            outcomes[image["image_id"]] = Outcome("skipped", reason)
            continue
        known = image["spacing_mm"] if pd.notna(image["spacing_mm"]) else settings.data.spacing_mm
        dicom = of_set[image["source"].split("/")[0]] if of_set else settings.dicom
        file = str(original_path(image["file"]))
        pseudonym = image["file"] if is_private(image["file"]) else ""
        jobs[image["image_id"]] = Job(
            file, known, settings.image, dicom, settings.store.root, pseudonym
        )
    ends = work_once(
        list(jobs.values()),
        kept=_kept,
        work=fill_entry,
        root=settings.store.root,
        limits=settings.dicom,
        title=STANDARDISING,
        plan=plan,
        before=lambda new: _announce(new, settings, plan),
    )
    for image_id, end in zip(jobs, ends, strict=True):
        outcomes[image_id] = Outcome("failed", end.reason) if isinstance(end, Lost) else end
    return outcomes


def _shared(value: Any) -> Any:
    """The same value, whose keys and words are kept once for all images: half the memory."""
    if isinstance(value, dict):
        return {sys.intern(key): _shared(of) for key, of in value.items()}
    if isinstance(value, list):
        return [_shared(of) for of in value]
    return sys.intern(value) if isinstance(value, str) and len(value) < _WORD else value


def fill_entry(job: Job) -> Outcome:
    """Standardise one file into the store, unless it is there; never raises.

    Whatever a file makes the decoders do ends here and concerns this file only.
    """
    checksum = ""
    try:
        with on_this_machine(place(job.file)) as file:
            checksum = file_sha256(file)
            return _kept(job, checksum) or _standardise(job, file, checksum)
    except Unusable as problem:
        reason = without_values(problem.reason)
        return Outcome(problem.status, reason, file_sha256=checksum)
    except Exception as error:  # noqa: BLE001 - the boundary of one input file
        reason = f"{type(error).__name__}: {without_values(one_line(error))}"
        return Outcome("failed", reason, file_sha256=checksum)


def store_bytes(images: int, *, spacing_mm: float) -> float:
    """About how many bytes full-field images take in the store.

    Args:
        spacing_mm: of the standard image.
    """
    return images * _FILM_MM2 * _BYTES_PER_MM2 / spacing_mm**2


def _announce(new: Sequence[Job], settings: Settings, plan: Plan | None) -> None:
    """Say what is to come, and refuse what the disk cannot hold."""
    count, cluster = len(new), os.environ.get(SCHEDULER)
    workers = min(settings.dicom.workers or default_workers(), count)
    root = settings.store.root
    needed = store_bytes(count, spacing_mm=settings.image.spacing_mm)
    megabytes = sum(Path(job.file).stat().st_size for job in new if Path(job.file).is_file()) / 1e6
    work = count * _SECONDS_PER_IMAGE + megabytes * _SECONDS_PER_MEGABYTE
    seconds = _SECONDS_TO_START + work / workers
    if plan:
        plan.parts[STANDARDISING] = seconds
    here = f"with {workers} processes: about {duration(seconds)} and"
    print(
        f"standardising {count} images {f'on {cluster}: about' if cluster else here} "
        f"{needed / 1e6:.0f} MB in {root}",
        flush=True,
    )
    if isinstance(root, ObjectPath):
        return
    root.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(root).free
    if needed > 0.95 * free:
        raise UserError(
            f"{root} has {free / 1e9:.1f} GB free, about {needed / 1e9:.1f} GB are needed. Free "
            "some, set store.root to a larger disk, or take fewer patients with data.limit."
        )


def _kept(job: Job, file_sha256: str) -> Outcome | None:
    """The end of a file whose checksum is known, if the store has its entry.

    The entry may be of a file that these settings leave out.
    """
    store = job.entry(file_sha256)
    if not has_entry(store):
        return None
    if found := damage(store):
        print(f"note: {found}: made anew from {job.file}", flush=True)
        return None
    info = read_info(store)
    return _end(job, store, info)


def _end(job: Job, store: Path, info: dict) -> Outcome:
    """The end of a file that has an entry, by the settings that decide whether it is used."""
    geometry, checksum = info["geometry"], info["file_sha256"]
    try:  # to ask of STORE.json what the reader asks of a header
        check_modality(info["modality"], job.dicom)
        check_intent(info["intent"], job.dicom)
        check_view(info["views"], info["modifiers"], info["image_type"], job.dicom)
        check_size(geometry["original_height"], geometry["original_width"], job.dicom)
    except Unusable as problem:
        return Outcome(problem.status, problem.reason, file_sha256=checksum)
    if info["breast_lost"] and job.dicom.doubtful_breast == "leave_out":
        reason = f"{'; '.join(info['breast_lost'])} (dicom.doubtful_breast)"
        return Outcome("failed", reason, file_sha256=checksum)
    return Outcome("used", store=str(store), info=info, file_sha256=checksum)


def _of_file(mammogram: Mammogram, dicom: DicomSettings) -> dict:
    """What is kept of the header: nothing that its maker or somebody else wrote in words of his."""
    wanted = () if dicom.modalities == "any" else dicom.modalities
    return {
        **{name: getattr(mammogram, name) for name in _OF_FILE},
        "scanner": known_words(mammogram.scanner, SCANNERS),
        "modality": known(mammogram.modality, {*MODALITIES, *wanted}),
    }


def _standardise(job: Job, file: Path, checksum: str) -> Outcome:
    mammogram = read_mammogram(file, settings=job.dicom, spacing_mm=job.spacing_mm)
    standard = standardise(mammogram, job.image)
    info = {
        "file_sha256": checksum,
        "geometry": asdict(standard.geometry),
        "original_spacing_mm": mammogram.spacing_mm,
        **_of_file(mammogram, job.dicom),
        "breast_mm2": standard.breast_mm2,
        "breast_sure": not standard.notes,
        "breast_lost": list(standard.lost),
        "low": standard.low,
        "high": standard.high,
        "background": standard.background,
        "signature": image_signature(standard.image, standard.breast),
        "notes": [*map(without_values, mammogram.notes), *standard.notes],
    }
    store = job.entry(checksum)
    write_entry(store, image=standard.image, breast=standard.breast, info=info)
    return _end(job, store, info)
