"""What a worker does with one input file: from DICOM to an entry of the store."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pipeline.config import DicomSettings, ImageSettings
from pipeline.dicom.mammogram import Mammogram, Unusable, read_mammogram
from pipeline.preprocess.audit.signature import image_signature
from pipeline.preprocess.store.entries import (
    entry_files,
    entry_key,
    entry_path,
    has_entry,
    write_entry,
)
from pipeline.preprocess.store.standardise import Standard, standardise
from pipeline.run.checksum import file_sha256


@dataclass(frozen=True)
class Job:
    """One file to standardise.

    Attributes:
        file: path of the DICOM file.
        spacing_mm: pixel spacing that the catalog or the settings know, in mm.
        store_root: folder of the store.
    """

    file: str
    spacing_mm: float | None
    image: ImageSettings
    dicom: DicomSettings
    store_root: Path


@dataclass(frozen=True)
class Outcome:
    """The end of one file.

    Attributes:
        status: used, skipped or failed.
        reason: why it is not used.
        store: path of its entry without suffix, "" where it has none.
        info: what STORE.json holds, {} where there is none.
        file_sha256: checksum of the file, "" where it could not be read.
    """

    status: str
    reason: str = ""
    store: str = ""
    info: dict = field(default_factory=dict)
    file_sha256: str = ""


def stored(job: Job, file_sha256: str) -> Outcome | None:
    """The entry of a file whose checksum is known, if the store has it."""
    store = job_entry(job, file_sha256)
    if not has_entry(store):
        return None
    info = json.loads(entry_files(store)[2].read_text(encoding="utf-8"))
    return Outcome("used", store=str(store), info=info, file_sha256=file_sha256)


def job_entry(job: Job, file_sha256: str) -> Path:
    """Path of the entry of a file without suffix."""
    key = entry_key(file_sha256, image=job.image, dicom=job.dicom, spacing_mm=job.spacing_mm)
    return entry_path(job.store_root, key)


def work(job: Job) -> Outcome:
    """Standardise one file into the store, unless it is there; never raises.

    Whatever a file makes the decoders do ends here and concerns this file only.
    """
    checksum = ""
    try:
        checksum = file_sha256(Path(job.file))
        known = stored(job, checksum)
        return known or _standardise(job, checksum)
    except Unusable as problem:
        return Outcome(problem.status, problem.reason, file_sha256=checksum)
    except Exception as error:  # noqa: BLE001 - the boundary of one input file
        message = " ".join(str(error).split())[:300]
        return Outcome("failed", f"{type(error).__name__}: {message}", file_sha256=checksum)


def _standardise(job: Job, checksum: str) -> Outcome:
    mammogram = read_mammogram(Path(job.file), settings=job.dicom, spacing_mm=job.spacing_mm)
    standard = standardise(mammogram, job.image)
    store = job_entry(job, checksum)
    info = _info(mammogram, standard, checksum)
    write_entry(store, image=standard.image, breast=standard.breast, info=info)
    return Outcome("used", store=str(store), info=info, file_sha256=checksum)


def _info(mammogram: Mammogram, standard: Standard, checksum: str) -> dict:
    return {
        "file_sha256": checksum,
        "pixel_sha256": mammogram.pixel_sha256,
        "geometry": asdict(standard.geometry),
        "original_spacing_mm": mammogram.spacing_mm,
        "spacing_source": mammogram.spacing_source,
        "laterality": mammogram.laterality,
        "laterality_source": mammogram.laterality_source,
        "view": mammogram.view,
        "view_source": mammogram.view_source,
        "modifiers": mammogram.modifiers,
        "intent": mammogram.intent,
        "implant": mammogram.implant,
        "magnification": mammogram.magnification,
        "window": mammogram.window,
        "polarity": mammogram.polarity,
        "scanner": mammogram.scanner,
        "codec": mammogram.codec,
        "transfer_syntax": mammogram.transfer_syntax,
        "frame": mammogram.frame,
        "breast_mm2": standard.breast_mm2,
        "breast_sure": standard.sure,
        "low": standard.low,
        "high": standard.high,
        "background": standard.background,
        "signature": image_signature(standard.image, standard.breast),
        "notes": [*mammogram.notes, *standard.notes],
    }
