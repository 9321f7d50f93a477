"""What one file is and what would become of it: make inspect."""

import tempfile
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np

from pipeline.checkup.context import Known
from pipeline.checkup.facts import breast_facts, pixel_facts
from pipeline.config import Settings
from pipeline.dicom.file_format import DICOM_ERRORS, is_dicom
from pipeline.dicom.header import described
from pipeline.dicom.mammogram import Mammogram, Unusable, read_mammogram
from pipeline.dicom.unusable import one_line
from pipeline.preprocess.breast.original_masks import original_breast
from pipeline.preprocess.intake.thumbnails import ANY_SPACING_MM, let_through
from pipeline.preprocess.store.fill import Job, Outcome, fill_entry
from pipeline.preprocess.store.standardise import Standard, standardise
from pipeline.run.atomic import json_text, write_atomic, write_text
from pipeline.run.errors import UserError
from pipeline.run.map_images import Lost, map_images

PICTURE_PX = 2000
# In spacing_source where the file itself has none.
SPACING_GIVEN = "data.spacing_mm"
_EDGE = (90, 200, 90)


@dataclass(frozen=True)
class Inspection:
    """What one file is.

    Attributes:
        file: its path.
        status, reason: used, skipped or failed under the settings, and why.
        otherwise: what would become of it if no kind or view were left out; "" where the same.
        facts: what its header and its pixels say, by name, in order.
        notes: doubts.
        written: files that show it.
    """

    file: str
    status: str
    reason: str
    otherwise: str
    facts: dict[str, str]
    notes: list[str]
    written: list[str]


@dataclass
class _Seen:
    """What a look at the file brought, as far as it came."""

    end: Outcome = field(default_factory=lambda: Outcome("used"))
    facts: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    written: list[Path] = field(default_factory=list)


def inspect_file(known: Known, settings: Settings, *, folder: Path) -> Inspection:
    """Read one file as preprocess does, within its limits, and show what comes out.

    Args:
        known: the file, and what a run knows of it.
        folder: gets picture.png (8 bit, the edge of the breast in green), presentation.npy
            ((H, W) float32, 0 to 1, dense tissue bright), stored.npy ((H, W) uint8 or uint16;
            a negative value v as v + 2^bits) and inspection.json.

    Raises:
        UserError: there is no such file.
    """
    path = known.file
    if not path.is_file():
        raise UserError(f"FILE={path} is not a file. Name one, e.g. FILE=path/to/mammogram.dcm.")
    spacing_mm = settings.data.spacing_mm if known.spacing_mm is None else known.spacing_mm
    with tempfile.TemporaryDirectory() as scratch:
        job = Job(str(path), spacing_mm, settings.image, settings.dicom, Path(scratch))
        outcome, seen = map_images(
            _call,
            [(fill_entry, job), (_look, (job, folder))],
            workers=1,
            seconds=settings.dicom.decode_seconds,
            mib=settings.dicom.decode_mib,
        )
    outcome = Outcome("failed", outcome.reason) if isinstance(outcome, Lost) else outcome
    seen = _Seen(Outcome("failed", seen.reason)) if isinstance(seen, Lost) else seen
    inspection = Inspection(
        file=str(path),
        status=outcome.status,
        reason=outcome.reason,
        otherwise="" if _same(outcome, seen.end) else _end(seen.end),
        facts={"image": known.image_id, **seen.facts},
        notes=list(dict.fromkeys(seen.notes)),
        written=[str(file) for file in (*seen.written, folder / "inspection.json")],
    )
    write_text(folder / "inspection.json", json_text(asdict(inspection)))
    return inspection


def inspection_text(inspection: Inspection) -> str:
    """An inspection for a terminal."""
    rows = [
        ("decision", _end(inspection)),
        ("let through", inspection.otherwise),
        *inspection.facts.items(),
        *(("note", note) for note in inspection.notes),
        *(("written", file) for file in inspection.written),
    ]
    lines = [f"  {name + ':':<17} {value}" for name, value in rows if value]
    return "\n".join([inspection.file, *lines])


def _end(end: Outcome | Inspection) -> str:
    return f"{end.status}: {end.reason}" if end.reason else end.status


def _same(one: Outcome, other: Outcome) -> bool:
    return (one.status, one.reason) == (other.status, other.reason)


def _call(task: tuple[Callable, object]) -> object:
    function, argument = task
    return function(argument)


def _look(task: tuple[Job, Path]) -> _Seen:
    """Describe and show a file, with every kind and view let through."""
    job, folder = task
    seen = _Seen()
    job = replace(job, dicom=let_through(job.dicom))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the reader makes notes of them
            _read(Path(job.file), job, folder, seen)
    except Unusable as problem:
        seen.end = Outcome(problem.status, problem.reason)
    except DICOM_ERRORS as error:
        seen.end = Outcome("failed", f"cannot be read: {one_line(error)}")
    return seen


def _read(path: Path, job: Job, folder: Path, seen: _Seen) -> None:
    seen.facts["bytes"] = f"{path.stat().st_size:,}"
    if not is_dicom(path):
        raise Unusable("skipped", "not a DICOM file")
    seen.facts |= described(path)
    known_mm = job.spacing_mm or ANY_SPACING_MM
    mammogram = read_mammogram(path, settings=job.dicom, spacing_mm=known_mm)
    seen.facts |= pixel_facts(mammogram)
    if job.spacing_mm is None and SPACING_GIVEN in mammogram.spacing_source:
        seen.facts["spacing"] = f"none; shown as if it were {ANY_SPACING_MM:g} mm"
    seen.notes += mammogram.notes
    standard = None
    try:
        standard = standardise(mammogram, job.image)
        seen.facts |= breast_facts(standard)
        seen.notes += standard.notes
    finally:
        seen.written += _write(folder, mammogram, standard)


def _write(folder: Path, mammogram: Mammogram, standard: Standard | None) -> list[Path]:
    arrays = {
        folder / "presentation.npy": mammogram.pixels,
        folder / "stored.npy": mammogram.stored,
    }
    for file, array in arrays.items():
        write_atomic(file, lambda temporary, array=array: np.save(temporary, array))
    picture = folder / "picture.png"
    png = cv2.imencode(".png", _picture(mammogram.pixels, standard))[1].tobytes()
    write_atomic(picture, lambda temporary: temporary.write_bytes(png))
    return [picture, *arrays]


def _picture(pixels: np.ndarray, standard: Standard | None) -> np.ndarray:
    """The presentation values as 8 bit, at most 2000 pixels long, with the edge of the breast."""
    scale = min(1.0, PICTURE_PX / max(pixels.shape))
    size = [max(round(side * scale), 1) for side in pixels.shape[::-1]]
    grey = np.clip(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA) * 255 + 0.5, 0, 255)
    picture = cv2.cvtColor(grey.astype(np.uint8), cv2.COLOR_GRAY2BGR)
    if standard is not None:
        breast = original_breast(standard.breast, standard.geometry)
        small = cv2.resize(breast, size, interpolation=cv2.INTER_NEAREST)
        edge, _ = cv2.findContours(small, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(picture, edge, -1, _EDGE, 2 if scale < 1 else 1)
    return picture
