"""The preprocess stage on small films: what it writes, redoes, refuses and survives."""

import json

import cv2
import numpy as np
import pandas as pd
import pytest

from pipeline.annotations.outlines import Circle, read_outlines
from pipeline.config import (
    DicomSettings,
    LabelSettings,
    SplitSettings,
)
from pipeline.ingest.stage import ingest
from pipeline.preprocess import stage as preprocess_stage
from pipeline.preprocess.intake.stage import intake
from pipeline.preprocess.stage import preprocess
from pipeline.preprocess.store import fill as standardising
from pipeline.preprocess.store.entries import read_image
from pipeline.preprocess.tables import read_mammograms, read_positions
from pipeline.run.errors import UserError
from pipeline.run.events import read_events
from tests.dicom_samples import write_mammogram
from tests.preprocess.four_women import WOMEN, done, film, stage, write_data

INTAKE = ("intake.csv", "intake.html", "audit.json", *(f"breast/{woman}.png" for woman in WOMEN))
DECODES = "standardising"  # what is printed before any file is decoded
TABLES = ("mammograms.csv", "outlines.json", "positions.parquet", "contact-sheet.png", *INTAKE)


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


@pytest.mark.parametrize("use_hints", [True, False])
def test_the_users_own_split_holds_and_is_called_so(tmp_path, use_hints):
    own = {"w1": "test", "w2": "train", "w3": "train", "w4": "validation"}
    write_data(tmp_path / "data")
    lines = [f"{woman},{part}" for woman, part in own.items()]
    (tmp_path / "data" / "split.csv").write_text("\n".join(["patient_id,split", *lines]) + "\n")
    here = stage(tmp_path, split=SplitSettings(use_hints=use_hints))
    done(here)
    mammograms = read_mammograms(here.run)
    assert dict(zip(mammograms["patient_id"], mammograms["split"], strict=True)) == own
    notes = json.loads(here.run.preprocess_summary.read_text())["notes"]
    assert "4 patients are split by the user's own table" in notes
    assert not any("the data set's own split" in note for note in notes)


def test_notes_of_the_catalog_stand_in_the_summary_and_on_the_page(tmp_path):
    write_data(tmp_path / "data")
    (tmp_path / "data" / "split.csv").write_text("patient_id,split\nw1,test\nw9,train\n")
    here = stage(tmp_path)
    done(here)
    note = "1 of the 2 patients in "
    assert json.loads(here.run.preprocess_summary.read_text())["notes"][0].startswith(note)
    assert note in here.run.intake_page.read_text()
    assert "have no image in the data set: &#39;w9&#39;" in here.run.intake_page.read_text()


def test_women_of_whom_nothing_is_used_are_told(tmp_path):
    write_data(tmp_path / "data")
    for woman in ("w4", "w5"):  # of the first there is another image
        path = tmp_path / "data" / f"{woman}-cr.dcm"
        write_mammogram(path, film(7), PatientID=woman, Modality="CR")
    here = stage(tmp_path)
    ingest(here)
    intake(here)
    told = "1 of 5 patients have no image that is used: 1 x Modality is CR, not MG (dicom.modal"
    notes = json.loads(here.run.intake_summary.read_text())["notes"]
    assert sum(note.startswith(told) for note in notes) == 1


def test_raw_images_beside_processed_ones_are_told(tmp_path):
    write_data(tmp_path / "data")
    raw = {"PresentationIntentType": "FOR PROCESSING", "PatientID": "w1", "BitsStored": 12}
    write_mammogram(tmp_path / "data" / "raw.dcm", film(9), ImagerPixelSpacing=[0.8, 0.8], **raw)
    here = stage(tmp_path, dicom=DicomSettings(workers=0, for_processing=True))
    ingest(here)
    intake(here)
    told = json.loads(here.run.intake_summary.read_text())["notes"]
    assert any(note.startswith("1 of 5 images are FOR PROCESSING (dicom.for") for note in told)


def test_positives_lie_in_the_circle_of_the_original(finished):
    run = finished[0].run
    positions = read_positions(run)
    positive = positions[positions["label"] == 1]
    assert len(positive) > 3
    assert set(positive["image_id"]) == {"w1"}
    (outline,) = read_outlines(run)["w1"]
    assert outline.circle == Circle(110.0, 40.0, 10.0)


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
        "intake.html",
        "audit.json",
        "contact-sheet.png",
    }
    (metrics,) = [e["values"] for e in events if e["event"] == "metrics"]
    assert metrics["files_used"] == 4
    assert metrics["lost_share"] == 0


def test_the_picture_of_a_breast_has_the_size_of_the_original_and_two_values(finished):
    here, _ = finished
    for woman in WOMEN:
        picture = cv2.imread(str(here.run.breast(woman)), cv2.IMREAD_UNCHANGED)
        assert picture.shape == (220, 160)
        assert set(np.unique(picture)) == {0, 255}
        assert picture[110, 50] == 255
        assert picture[110, 130] == 0


def test_the_intake_alone_is_preprocess_stopped_before_the_labels(finished, capsys):
    here, _ = finished
    other = stage(here.run.root.parent, run="alone/run")
    ingest(other)
    assert intake(other) == "4 files used, 1 skipped, 0 failed"
    for name in INTAKE:
        assert (other.run.root / name).read_bytes() == (here.run.root / name).read_bytes(), name
    assert DECODES not in capsys.readouterr().out
    assert not other.run.positions.exists()
    known = [json.loads(run.intake_summary.read_text()) for run in (other.run, here.run)]
    assert known[0] | {"seconds": 0} == known[1] | {"seconds": 0}


def test_preprocess_after_intake_decodes_nothing_and_writes_no_picture_again(tmp_path, capsys):
    write_data(tmp_path / "data")
    here = stage(tmp_path)
    ingest(here)
    intake(here)
    written = here.run.breast("w1").stat().st_mtime_ns
    assert DECODES in capsys.readouterr().out
    preprocess(here)
    assert DECODES not in capsys.readouterr().out
    assert here.run.breast("w1").stat().st_mtime_ns == written


def test_a_second_run_decodes_nothing_and_gives_the_same_bytes(finished, capsys):
    here, _ = finished
    other = stage(here.run.root.parent, run="other/run")
    done(other)
    assert DECODES not in capsys.readouterr().out
    for name in TABLES:
        assert (other.run.root / name).read_bytes() == (here.run.root / name).read_bytes(), name


def test_changed_labels_keep_the_store_and_change_the_positions(finished, capsys):
    here, _ = finished
    other = stage(here.run.root.parent, run="wide", labels=LabelSettings(min_radius_mm=20))
    done(other)
    assert DECODES not in capsys.readouterr().out
    wide, narrow = (read_positions(run)["label"].eq(1).sum() for run in (other.run, here.run))
    assert wide > narrow


def test_with_a_model_from_elsewhere_all_patients_are_test_patients(finished):
    other = stage(finished[0].run.root.parent, run="judged", model="runs/x")
    done(other)
    assert set(read_mammograms(other.run)["split"]) == {"test"}


def test_a_broken_file_costs_only_itself_until_too_many_are_lost(tmp_path):
    write_data(tmp_path / "data")
    whole = (tmp_path / "data" / "w4.dcm").read_bytes()
    (tmp_path / "data" / "w4.dcm").write_bytes(whole[: len(whole) // 2])
    stopped = stage(tmp_path)
    with pytest.raises(UserError, match="1 of 4 mammograms failed"):
        done(stopped)
    assert "failed" in stopped.run.intake.read_text()
    page = stopped.run.intake_page.read_text()
    assert "The run stops here." in page
    assert "5 files = 3 used + 1 skipped + 1 failed" in page
    assert not stopped.run.intake_summary.exists()
    assert not stopped.run.preprocess_summary.exists()
    tolerant = stage(tmp_path, dicom=DicomSettings(workers=0, max_lost_share=0.3))
    assert "3 files used, 1 skipped, 1 failed" in done(tolerant)


def test_identical_pixels_in_two_parts_stop_the_run_and_leave_old_results(tmp_path):
    write_data(tmp_path / "data")
    here = stage(tmp_path)
    done(here)
    before = here.run.mammograms.read_bytes()
    here.run.intake_page.unlink()
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
    assert "a leak: preprocess will stop" in here.run.intake_page.read_text()


def test_the_gate_sees_outlines_positions_and_what_recognises_images(finished, monkeypatch):
    seen = {}

    def gate(mammograms, **looked_at):
        seen.update(looked_at)
        return ["looked at"]

    def of_positions(images, mammograms):
        for positions in images:
            seen.setdefault("positions", []).extend(positions.index)
            yield positions

    monkeypatch.setattr(preprocess_stage, "check_leakage", gate)
    monkeypatch.setattr(preprocess_stage, "without_leaks", of_positions)
    other = stage(finished[0].run.root.parent, run="gate")
    done(other)
    assert set(seen["signatures"]) == set(seen["outlines"]) == set(WOMEN)
    assert len(seen["positions"]) == len(read_positions(other.run))
    assert "looked at" in json.loads(other.run.preprocess_summary.read_text())["notes"]


def test_an_outline_that_cannot_be_right_is_taken_out_and_its_image_is_no_negative(tmp_path):
    write_data(tmp_path / "data")
    with (tmp_path / "data" / "findings.csv").open("a") as table:
        table.write("w1.dcm,mass,10,150,4\n")  # in the air
    here = stage(tmp_path)
    done(here)
    (outline,) = read_outlines(here.run)["w1"]
    assert outline.circle.row == 110
    mammograms = read_mammograms(here.run).set_index("image_id")
    assert mammograms["unlocated"].to_dict() == {"w1": True, "w2": False, "w3": False, "w4": False}
    positions = read_positions(here.run)
    assert 0 not in set(positions.loc[positions["image_id"] == "w1", "label"])
    assert "outside the breast" in here.run.intake_page.read_text()
    intake_csv = pd.read_csv(here.run.intake, keep_default_na=False).set_index("file")
    assert "has no usable outline: " in intake_csv.loc["w1.dcm", "notes"]
    assert json.loads(here.run.intake_summary.read_text())["quarantined_outlines"] == 1
    (problem,) = json.loads(here.run.audit.read_text())["labels"]["problems"]
    assert problem["image_id"] == "w1"


def test_no_usable_file_is_an_error_with_a_page_of_its_own(tmp_path):
    (tmp_path / "data").mkdir()
    write_mammogram(tmp_path / "data" / "ct.dcm", film(1), Modality="CT")
    here = stage(tmp_path)
    with pytest.raises(UserError, match="No file of the data set is usable: 1 x Modality is CT"):
        done(here)
    assert "1 files = 0 used + 1 skipped + 0 failed" in here.run.intake_page.read_text()


def test_a_full_disk_is_refused_before_the_work(tmp_path, monkeypatch):
    write_data(tmp_path / "data")
    usage = standardising.shutil._ntuple_diskusage(10**9, 10**9 - 1000, 1000)
    monkeypatch.setattr(standardising.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(UserError, match="GB free"):
        done(stage(tmp_path))
