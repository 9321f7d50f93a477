"""What one file is and what would become of it: make inspect."""

import operator
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from pipeline.config import Settings
from pipeline.dicom.file_format import DICOM_ERRORS, damage_of, is_dicom
from pipeline.dicom.header import described
from pipeline.dicom.mammogram import Mammogram, Unusable, read_mammogram
from pipeline.dicom.unusable import one_line
from pipeline.ingest.catalog import read_catalog
from pipeline.preprocess.breast.original_masks import original_breast
from pipeline.preprocess.intake.thumbnails import ANY_SPACING_MM, let_through
from pipeline.preprocess.store.fill import Job, Outcome, fill_entry
from pipeline.preprocess.store.standardise import Standard, standardise
from pipeline.run.atomic import write_atomic, write_json
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder
from pipeline.run.map_images import Lost, map_images
from pipeline.run.object_path import place
from pipeline.run.pseudonyms import original
from pipeline.run.scratch import scratch_folder

PICTURE_PX = 2000
# In spacing_source where the file itself has none.
SPACING_GIVEN = "data.spacing_mm"
_EDGE = (90, 200, 90)


@dataclass(frozen=True)
class Known:
    """What a run knows of a file that is looked at alone."""

    file: Path  # the DICOM file to read; another one where the data set's own is wrapped
    image_id: str = ""  # "" where the run does not know the file
    spacing_mm: float | None = None  # where the data set names it


@dataclass
class Inspection:
    """What one file is."""

    file: str
    status: str = "used"  # used, skipped or failed under the settings
    reason: str = ""
    otherwise: str = ""  # what would become of it with every kind and view; "" where the same
    facts: dict[str, str] = field(default_factory=dict)  # of its header and pixels, in order
    notes: list[str] = field(default_factory=list)  # doubts
    written: list[str] = field(default_factory=list)  # files that show it

    def text(self) -> str:
        """All of it for a terminal, a line for each."""
        rows = [
            ("decision", _end(self.status, self.reason)),
            ("let through", self.otherwise),
            *self.facts.items(),
            *(("note", note) for note in self.notes),
            *(("written", file) for file in self.written),
        ]
        lines = [f"  {name + ':':<17} {value}" for name, value in rows if value]
        return "\n".join([self.file, *lines])


def known_file(run: RunFolder, path: Path, settings: Settings) -> Known:
    """Look a file up in the catalog, by its own path or that of the DICOM file made from it."""
    if not run.catalog.is_file():
        return Known(path)
    for image in read_catalog(run).images.to_dict("records"):
        named = place(original(image["file"])), settings.data.root / original(image["source"])
        if any(file.name == path.name and file.resolve() == path.resolve() for file in named):
            spacing_mm = image["spacing_mm"]
            known_mm = None if pd.isna(spacing_mm) else float(spacing_mm)
            return Known(named[0], image["image_id"], known_mm)
    return Known(path)


def inspect_file(known: Known, settings: Settings, *, folder: Path | None) -> Inspection:
    """Read one file as preprocess does, within its limits, and show what comes out.

    Args:
        known: the file, and what a run knows of it.
        folder: where it is given, gets picture.png (8 bit, the edge of the breast in green),
            presentation.npy ((H, W) float32, 0 to 1, dense tissue bright), stored.npy ((H, W)
            uint8 or uint16; a negative value v as v + 2^bits) and inspection.json.

    Raises:
        UserError: there is no such file.
    """
    path = known.file
    if not path.is_file():
        raise UserError(f"FILE={path} is not a file. Name one, e.g. FILE=path/to/mammogram.dcm.")
    spacing_mm = settings.data.spacing_mm if known.spacing_mm is None else known.spacing_mm
    with scratch_folder() as scratch:
        job = Job(str(path), spacing_mm, settings.image, settings.dicom, scratch)
        outcome, seen = map_images(
            operator.call,
            [partial(fill_entry, job), partial(_look, job, folder)],
            workers=1,
            seconds=settings.dicom.decode_seconds,
            mib=settings.dicom.decode_mib,
        )
    outcome = Outcome("failed", outcome.reason) if isinstance(outcome, Lost) else outcome
    seen = Inspection(str(path), "failed", seen.reason) if isinstance(seen, Lost) else seen
    decision, let_in = _end(outcome.status, outcome.reason), _end(seen.status, seen.reason)
    inspection = replace(
        seen,
        status=outcome.status,
        reason=outcome.reason,
        otherwise="" if let_in == decision else let_in,
        facts={"image": known.image_id, **seen.facts},
        notes=list(dict.fromkeys(seen.notes)),
    )
    if folder is not None:
        inspection.written.append(str(folder / "inspection.json"))
        write_json(folder / "inspection.json", asdict(inspection))
    return inspection


def pixel_facts(mammogram: Mammogram) -> dict[str, str]:
    """What the reader made of the file; "" where the file says nothing."""
    lowest, highest = mammogram.pixels.min(), mammogram.pixels.max()
    return {
        "codec": mammogram.codec,
        "polarity": mammogram.polarity,
        "window": mammogram.window,
        "grey values": f"{lowest:.4f} to {highest:.4f} (0 to 1 is the nominal range)",
        "spacing": f"{mammogram.spacing_mm:.4g} mm, from {mammogram.spacing_source}",
        "magnification": f"{mammogram.magnification:g}" if mammogram.magnification else "",
        "side": _with_source(mammogram.laterality, mammogram.laterality_source),
        "view": _with_source(mammogram.view, mammogram.view_source),
        "modifiers": ", ".join(mammogram.modifiers),
        "implant": mammogram.implant,
        "frame": f"{mammogram.frame} (from 0)" if mammogram.frame else "",
        "scanner": mammogram.scanner,
        "pixel checksum": mammogram.pixel_sha256,
    }


def breast_facts(standard: Standard) -> dict[str, str]:
    """What was found in the picture."""
    geometry, air = standard.geometry, standard.background
    wall = "right" if geometry.flipped else "left"
    return {
        "breast": f"{standard.breast_mm2 / 100:.0f} cm2, chest wall on the {wall}",
        "standard image": f"{geometry.height} rows x {geometry.width} columns, "
        f"{geometry.spacing_mm:g} mm; black is {standard.low:.4f}, white {standard.high:.4f}",
        "air beside it": f"mean {air['air_mean']:.4f}, {air['air_lowest']:.4f} to "
        f"{air['air_highest']:.4f}, {air['air_levels']:.1%} of its values differ"
        if air["air_known"]
        else "none",
    }


def _with_source(value: str, source: str) -> str:
    return f"{value}, from {source}" if value and source else value or "unknown"


def _end(status: str, reason: str) -> str:
    return f"{status}: {reason}" if reason else status


def _look(job: Job, folder: Path | None) -> Inspection:
    """Describe and show a file as far as it goes, with every kind and view let through."""
    seen = Inspection(job.file)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the reader makes notes of them
            _describe(replace(job, dicom=let_through(job.dicom)), folder, seen)
    except Unusable as problem:
        seen.status, seen.reason = problem.status, problem.reason
    except DICOM_ERRORS as error:
        seen.status, seen.reason = "failed", f"cannot be read: {one_line(error)}"
    return seen


def _describe(job: Job, folder: Path | None, seen: Inspection) -> None:
    path = Path(job.file)
    seen.facts["bytes"] = f"{path.stat().st_size:,}"
    if not is_dicom(path):
        damage = damage_of(path)
        raise Unusable("failed", damage) if damage else Unusable("skipped", "not a DICOM file")
    seen.facts |= described(path)
    known_mm = job.spacing_mm or ANY_SPACING_MM
    mammogram = read_mammogram(path, settings=job.dicom, spacing_mm=known_mm, keep_stored=True)
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
        if folder is not None:
            _write(folder, mammogram, standard, seen)


def _write(folder: Path, mammogram: Mammogram, standard: Standard | None, seen: Inspection) -> None:
    picture = cv2.imencode(".png", _picture(mammogram.pixels, standard))[1].tobytes()
    files: dict[str, Callable[[Path], object]] = {
        "picture.png": lambda file: file.write_bytes(picture),
        "presentation.npy": lambda file: np.save(file, mammogram.pixels),
        "stored.npy": lambda file: np.save(file, mammogram.stored),
    }
    for name, write in files.items():
        write_atomic(folder / name, write)
        seen.written.append(str(folder / name))


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
