"""The preprocess stage on small films: what it writes, redoes, refuses and survives."""

import json

import numpy as np
import pandas as pd
import pytest
from dicom_samples import write_mammogram

from pipeline.config import (
    DataSettings,
    DicomSettings,
    ImageSettings,
    LabelSettings,
    Settings,
    StoreSettings,
)
from pipeline.ingest.stage import ingest
from pipeline.preprocess import standardising
from pipeline.preprocess.stage import preprocess
from pipeline.preprocess.store import read_image
from pipeline.preprocess.tables import read_mammograms, read_outlines, read_positions
from pipeline.run.errors import UserError
from pipeline.run.events import EventLog, read_events
from pipeline.run.layout import RunFolder
from pipeline.run.settings import Remembered, remember
from pipeline.run.stage import Stage

WOMEN = ("w1", "w2", "w3", "w4")
TABLES = ("mammograms.csv", "outlines.json", "positions.parquet", "intake.csv", "contact-sheet.png")


def film(seed: int) -> np.ndarray:
    """A breast of 200 x 100 pixels on the left, with noise that differs from film to film."""
    rows, cols = np.mgrid[:220, :160]
    inward = 1 - np.hypot((rows - 110) / 100, cols / 100)
    light = np.where(inward > 0, 1000 + 2000 * inward, 100)
    noise = np.random.default_rng([5, seed]).normal(0, 20, light.shape)
    return np.clip(light + noise, 0, 4095).astype(np.uint16)


def write_data(root):
    """Four women with one film each; a mass on the film of the first."""
    for number, woman in enumerate(WOMEN):
        write_mammogram(
            root / f"{woman}.dcm",
            film(number),
            PatientID=woman,
            ImagerPixelSpacing=[0.8, 0.8],
            BitsStored=12,
        )
    lines = ["file,kind,row,col,radius", "w1.dcm,mass,110,40,10"]
    lines += [f"{woman}.dcm,normal,,," for woman in WOMEN[1:]]
    (root / "findings.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def stage(tmp_path, *, run="run", model="", **changed) -> Stage:
    sections = {
        "data": DataSettings(importer="dicom", root=tmp_path / "data"),
        "store": StoreSettings(root=tmp_path / "store"),
        "image": ImageSettings(spacing_mm=0.8),
        "dicom": DicomSettings(workers=1),
    }
    settings = Settings(**(sections | changed))
    folder = RunFolder(tmp_path / run)
    remember(folder, settings, Remembered(model=model))
    return Stage(folder, settings, EventLog(folder, "preprocess"))


def done(here: Stage) -> str:
    ingest(here)
    return preprocess(here)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run, which tests may read but not change, and its summary line."""
    root = tmp_path_factory.mktemp("finished")
    write_data(root / "data")
    here = stage(root)
    return here, done(here)


def test_the_summary_line_counts_files_patients_lesions_and_positions(finished):
    assert "4 files used, 1 skipped, 0 failed; 4 patients, 1 lesions" in finished[1]


def test_every_file_below_the_root_is_in_the_intake(finished):
    here, _ = finished
    intake = pd.read_csv(here.run.intake, keep_default_na=False)
    found = sorted(path.name for path in here.settings.data.root.iterdir())
    assert sorted(intake["file"]) == found
    assert set(intake["status"]) <= {"used", "skipped", "failed"}
    assert (intake.loc[intake["status"] != "used", "reason"] != "").all()


def test_each_woman_is_in_one_part_and_each_image_in_the_store(finished):
    mammograms = read_mammograms(finished[0].run)
    assert sorted(mammograms["patient_id"]) == list(WOMEN)
    assert (mammograms.groupby("patient_id")["split"].nunique() == 1).all()
    for row in mammograms.itertuples():
        assert read_image(row.store).shape == (row.height, row.width)


def test_positives_lie_in_the_circle_of_the_original(finished):
    run = finished[0].run
    positions = read_positions(run)
    positive = positions[positions["label"] == 1]
    assert len(positive) > 3
    assert set(positive["image_id"]) == {"w1"}
    (outline,) = read_outlines(run)["w1"]
    assert outline["circle"] == {"row": 110.0, "col": 40.0, "radius": 10.0}


def test_the_summary_adds_up(finished):
    summary = json.loads(finished[0].run.preprocess_summary.read_text())
    parts = [summary[part] for part in ("train", "validation", "test")]
    for name in ("images", "patients", "lesions"):
        assert sum(part[name] for part in parts) == summary["all"][name]
    for label, count in summary["all"]["positions"].items():
        assert sum(part["positions"][label] for part in parts) == count
    counts = summary["all"]["positions"]
    judged = counts["positive"] + counts["negative"]
    assert summary["all"]["prevalence"] == counts["positive"] / judged


def test_the_event_log_has_counts_and_artifacts(finished):
    events = read_events(finished[0].run.events)
    assert {e["path"] for e in events if e["event"] == "artifact"} == {
        "intake.csv",
        "contact-sheet.png",
    }
    (metrics,) = [e["values"] for e in events if e["event"] == "metrics"]
    assert metrics["files_used"] == 4


def test_a_second_run_decodes_nothing_and_gives_the_same_bytes(finished, monkeypatch):
    here, _ = finished
    other = stage(here.run.root.parent, run="other")

    def refuse(*args, **options):
        raise AssertionError("nothing should be decoded")

    monkeypatch.setattr(standardising, "map_images", refuse)
    done(other)
    for name in TABLES:
        assert (other.run.root / name).read_bytes() == (here.run.root / name).read_bytes(), name


def test_changed_labels_keep_the_store_and_change_the_positions(finished, monkeypatch):
    here, _ = finished
    other = stage(here.run.root.parent, run="wide", labels=LabelSettings(min_radius_mm=20))
    monkeypatch.setattr(standardising, "map_images", None)
    done(other)
    wide, narrow = (read_positions(run)["label"].eq(1).sum() for run in (other.run, here.run))
    assert wide > narrow


def test_with_a_model_from_elsewhere_all_patients_are_test_patients(finished):
    other = stage(finished[0].run.root.parent, run="judged", model="runs/x")
    done(other)
    assert set(read_mammograms(other.run)["split"]) == {"test"}


def test_a_broken_file_costs_only_itself_until_too_many_are_lost(tmp_path, finished):
    write_data(tmp_path / "data")
    whole = (tmp_path / "data" / "w4.dcm").read_bytes()
    (tmp_path / "data" / "w4.dcm").write_bytes(whole[: len(whole) // 2])
    stopped = stage(tmp_path)
    with pytest.raises(UserError, match="1 of 4 mammograms failed"):
        done(stopped)
    assert "failed" in stopped.run.intake.read_text()
    assert not stopped.run.preprocess_summary.exists()
    tolerant = stage(tmp_path, dicom=DicomSettings(workers=1, max_lost_share=0.3))
    assert "3 files used, 1 skipped, 1 failed" in done(tolerant)


def test_identical_pixels_in_two_parts_stop_the_run_and_leave_old_results(tmp_path):
    write_data(tmp_path / "data")
    here = stage(tmp_path)
    done(here)
    before = here.run.mammograms.read_bytes()
    split = "patient_id,split\nw1,train\nw2,test\nw3,test\nw4,validation\n"
    (tmp_path / "data" / "split.csv").write_text(split)
    write_mammogram(
        tmp_path / "data" / "w2.dcm",
        film(0),
        PatientID="w2",
        ImagerPixelSpacing=[0.8, 0.8],
        BitsStored=12,
    )
    with pytest.raises(UserError, match="identical pixels"):
        done(here)
    assert here.run.mammograms.read_bytes() == before


def test_a_full_disk_is_refused_before_the_work(tmp_path, monkeypatch):
    write_data(tmp_path / "data")
    usage = standardising.shutil._ntuple_diskusage(10**9, 10**9 - 1000, 1000)
    monkeypatch.setattr(standardising.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(UserError, match="GB free"):
        done(stage(tmp_path))
