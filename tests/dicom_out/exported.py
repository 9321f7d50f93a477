"""A run whose maps mark a bright square in each of five mammograms, and its exported objects."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.annotations.labels import LabelRule
from pipeline.annotations.outlines import write_outlines
from pipeline.config import (
    DicomSettings,
    HeatmapSettings,
    ImageSettings,
    LabelSettings,
    MapSettings,
    PhantomSettings,
    Settings,
)
from pipeline.dicom.write import wrap_as_dicom
from pipeline.dicom.write_synthetic import write_synthetic
from pipeline.dicom_out.exported_run import export_dicom
from pipeline.heatmap import stage as heatmap_stage
from pipeline.ingest.phantom.picture import draw_picture
from pipeline.ingest.phantom.plan import plan_patient
from pipeline.preprocess.positions import label_positions
from pipeline.preprocess.store.entries import read_breast
from pipeline.preprocess.store.fill import Job, fill_entry
from pipeline.preprocess.tables import MAMMOGRAM_COLUMNS, write_mammograms, write_positions
from pipeline.run.events import EventLog
from pipeline.run.layout import RunFolder
from pipeline.run.settings import Remembered, remember
from pipeline.run.stage import Stage
from tests.heatmap.small_run import BrightnessNetwork
from tests.model.cards import write_a_card

PHANTOM = PhantomSettings(patients=4, spacing_mm=0.4)
IMAGE = ImageSettings(spacing_mm=0.5)  # 1.25 original pixels
LABELS = LabelSettings(pitch_mm=4.0)
MAPS = MapSettings(pitch_mm=2.0)
CELL_PX = 5  # a position of the map in original pixels
HALF_PX = 12  # half the side of a mark
SECRETS = {
    "PatientName": "Doe^Jane",
    "PatientBirthDate": "19500102",
    "AccessionNumber": "ACC-4711",
    "InstitutionName": "Hospital of Somewhere",
    "ReferringPhysicianName": "Gregory^House",
    "StationName": "STATION-9",
    "StudyDate": "20210304",
    "OperatorsName": "Operator^Olga",
    "DeidentificationMethod": "by hand of Mary",
}


@dataclass(frozen=True)
class Case:
    """A source and where its mark is.

    Attributes:
        mark: row and column of its centre in the source.
        second: centre of a mark that is less bright.
    """

    name: str
    side: str
    view: str
    mark: tuple[int, int]
    turn: tuple[slice, slice] = np.s_[:, :]
    orientation: tuple[str, str] | None = None
    second: tuple[int, int] | None = None
    film: bool = False


CASES = (
    Case("left", "L", "CC", (250, 80)),
    Case("right", "R", "CC", (330, 370)),
    Case("mirrored", "L", "MLO", (400, 389), np.s_[:, ::-1], ("P", "FR")),
    Case("cropped", "R", "MLO", (240, 280), np.s_[60:540, 100:], second=(350, 310)),
    Case("film", "L", "CC", (300, 60), film=True),
)


def pixels_of(case: Case) -> np.ndarray:
    """The source's pixels, with the mark as bright as can be."""
    drawn = draw_picture(plan_patient(0, PHANTOM), case.side, case.view, PHANTOM).pixels
    pixels = np.ascontiguousarray(drawn[case.turn]).clip(0, 3000)
    pixels[square(case.mark)] = 4095
    if case.second:
        pixels[square(case.second)] = 3700
    pixels[film_label(case, pixels.shape[1])] = 3500
    return pixels


def film_label(case: Case, width: int) -> tuple[slice, slice]:
    """Rows and columns of a film label in the air, beside all that the overlay writes."""
    wall_at_left = case.name in ("left", "film")
    cols = slice(300, 340) if wall_at_left else slice(width - 340, width - 300)
    return slice(90, 110), cols


def square(centre: tuple[int, int]) -> tuple[slice, slice]:
    """Rows and columns of a mark."""
    row, col = (slice(at - HALF_PX, at + HALF_PX) for at in centre)
    return row, col


def write_source(folder: Path, case: Case) -> Path:
    path = folder / f"{case.name}.dcm"
    names = {"laterality": case.side, "view": case.view, "spacing_mm": PHANTOM.spacing_mm}
    if case.film:
        wrap_as_dicom(pixels_of(case), path, image_id=case.name, patient_id="film-1", **names)
        return path
    changes: dict[str, object] = {**SECRETS, "SpecificCharacterSet": "ISO_IR 100"}
    changes |= {"PatientID": "Ärztin-1", "LossyImageCompression": "01"}
    changes |= {"LossyImageCompressionRatio": 8, "LossyImageCompressionMethod": "ISO_15444_1"}
    if case.orientation:
        changes["PatientOrientation"] = list(case.orientation)
    write_synthetic(path, pixels_of(case), patient_id="SYNTHETIC-0001", changes=changes, **names)
    return path


def mapped_run(root: Path) -> RunFolder:
    """The run after heatmap; the store is filled from the sources as preprocess does it."""
    run = RunFolder(root / "run")
    card = {"image": IMAGE, "labels": LABELS, "maps": MAPS}
    write_a_card(
        run.model,
        **{name: value.model_dump() for name, value in card.items()},
        region_threshold=0.9,
        calibration={"natural_prior": 0.02, "temperature": 1.0},
    )
    settings = Settings(
        image=IMAGE,
        labels=LABELS,
        maps=MAPS,
        dicom=DicomSettings(workers=0),
        heatmap=HeatmapSettings(min_region_mm2=20),
    )
    remember(run, settings, Remembered("configs/default.yaml", {}, ""))
    rows, positions = [], []
    rule = LabelRule.from_settings(LABELS, IMAGE.spacing_mm)
    for case in CASES:
        path = write_source(root, case)
        outcome = fill_entry(Job(str(path), None, IMAGE, settings.dicom, root / "store"))
        assert outcome.status == "used", outcome.reason
        row = dict.fromkeys(MAMMOGRAM_COLUMNS, "") | outcome.info["geometry"]
        row |= {"image_id": case.name, "patient_id": "one", "split": "test", "dataset": "phantom"}
        row |= {"laterality": case.side, "view": case.view, "file": str(path)}
        row |= {"store": outcome.store, "breast_mm2": 1.0, "unlocated": False}
        row |= {"original_spacing_mm": outcome.info["original_spacing_mm"]}
        rows.append(row)
        breast = read_breast(outcome.store)
        positions.append(label_positions(row, [], breast, rule, 8))
    write_mammograms(run, pd.DataFrame(rows))
    write_outlines(run, {case.name: [] for case in CASES})
    write_positions(run, pd.concat(positions))
    with pytest.MonkeyPatch.context() as patch:
        # Other tests look at them.
        patch.setattr("pipeline.heatmap.describe_mammogram.write_overlay", _write_nothing)
        patch.setattr(heatmap_stage, "write_report", lambda *_, **__: run.report.touch())
        stage = Stage(run, settings, EventLog(run, "heatmap"))
        heatmap_stage.heatmap(stage, mapper_of=BrightnessNetwork().of)
    return run


def _write_nothing(path: Path, *_: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def exported(root: Path) -> RunFolder:
    """The run with its objects."""
    run = mapped_run(root)
    export_dicom(run)
    return run
