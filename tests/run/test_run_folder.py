"""Lock, event log, atomic files, status."""

import errno
import fcntl
import os
import time
from pathlib import Path

import pytest

from pipeline.config import DataSettings, Settings
from pipeline.run.atomic import read_json, write_atomic, write_text_if_changed
from pipeline.run.errors import UserError, sentence_of
from pipeline.run.events import read_events
from pipeline.run.freshness import status
from pipeline.run.layout import RunFolder
from pipeline.run.lock import in_use, locked
from pipeline.run.settings import Remembered, remember
from pipeline.run.stage import open_stage


@pytest.fixture
def run(tmp_path) -> RunFolder:
    run = RunFolder(tmp_path / "run")
    remember(run, Settings(), Remembered("configs/default.yaml"))
    return run


def test_a_failed_write_leaves_the_old_file_and_no_rest(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("old")

    def fail(temporary):
        temporary.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_atomic(path, fail)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_same_text_is_not_written_again(tmp_path):
    path = tmp_path / "a"
    assert write_text_if_changed(path, "x")
    assert not write_text_if_changed(path, "x")


def test_two_stages_cannot_work_on_one_run_folder(run):
    with (
        locked(run),
        pytest.raises(UserError, match=rf"in use by process {os.getpid()}"),
        locked(run),
    ):
        pass
    with locked(run):  # given back
        pass


def test_who_only_looks_whether_a_run_is_in_use_keeps_nobody_from_it(run, monkeypatch):
    with locked(run):
        pass
    with run.lock.open() as look:  # as `in_use` takes it
        fcntl.flock(look, fcntl.LOCK_SH)
        monkeypatch.setattr("time.sleep", lambda _: fcntl.flock(look, fcntl.LOCK_UN))
        with locked(run):
            assert in_use(run)
    assert not in_use(run)


def test_a_stage_logs_its_settings_and_how_it_ended(run):
    with open_stage("evaluate", run.root) as stage:
        stage.events.metrics({"auc": 0.5, "not_finite": float("nan")}, step=3)
    start, metrics, finish = read_events(run.events)
    assert start["settings"] == {"evaluate": Settings().evaluate.model_dump(mode="json")}
    assert (metrics["values"], metrics["step"]) == ({"auc": 0.5}, 3)
    assert finish["status"] == "finished"
    assert finish["peak_mib"] > 1


def test_a_stage_that_finds_everything_up_to_date_logs_nothing(run):
    with open_stage("ingest", run.root) as stage:
        stage.events.nothing_to_do()
    assert read_events(run.events) == []


def test_a_user_error_ends_the_stage_with_a_sentence_and_no_traceback(run, capsys):
    with pytest.raises(SystemExit) as exit_, open_stage("train", run.root):
        raise UserError("no positions")
    assert exit_.value.code == 2
    assert capsys.readouterr().err == "train: no positions\n"
    assert read_events(run.events)[-1]["status"] == "failed"


@pytest.mark.parametrize(("pseudonyms", "names"), [(True, False), (False, True)])
def test_of_a_hospitals_data_the_event_log_has_the_kind_of_an_error_alone(
    tmp_path, pseudonyms, names
):
    run = RunFolder(tmp_path / "run")
    data = DataSettings(importer="dicom", root="Ward-7", pseudonyms=pseudonyms)
    remember(run, Settings(data=data), Remembered("configs/dicom.yaml"))
    with pytest.raises(SystemExit), open_stage("train", run.root):
        raise UserError("Ward-7/Miller.dcm is damaged")
    message = read_events(run.events)[-1]["message"]
    assert message.startswith("UserError: ")
    assert ("Miller" in message) == names


def test_a_full_disk_and_a_missing_permission_are_sentences(run, capsys):
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    library = RuntimeError("cannot write: Permission denied (os error 13)")
    library.__cause__ = ValueError("x")
    named = PermissionError(errno.EACCES, os.strerror(errno.EACCES), "there/a.csv")
    broken = OSError(errno.EIO, os.strerror(errno.EIO), "there/a.dcm")
    gone = OSError(errno.ESTALE, os.strerror(errno.ESTALE), "there/a.dcm")
    for error, place, text in (
        (full, run.root, "the disk is full"),
        (library, run.root, "permission is denied"),
        (named, "there/a.csv", "permission is denied"),
        (broken, "there/a.dcm", "it cannot be read or written: look after the disk"),
        (gone, "there/a.dcm", "the network disk is gone"),
    ):
        with pytest.raises(SystemExit) as exit_, open_stage("preprocess", run.root):
            raise RuntimeError("above it") from error
        assert exit_.value.code == 2
        assert capsys.readouterr().err.startswith(f"preprocess: {place}: {text}")
    with pytest.raises(OSError, match="Bad file"), open_stage("preprocess", run.root):
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))


def test_a_file_or_a_broken_link_in_the_place_of_a_run_folder_is_a_sentence(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to("nowhere")
    for place in ("file", "link", "file/below"):
        with pytest.raises(SystemExit) as exit_, open_stage("ingest", tmp_path / place):
            pass
        assert exit_.value.code == 2
        said = capsys.readouterr().err
        assert str(tmp_path / place) in said and "lies where a folder is needed" in said


def test_status_names_what_a_result_is_older_than(run):
    for number, path in enumerate((run.catalog, run.preprocess_summary, run.heatmap_summary)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
        os.utime(path, (time.time() + number, time.time() + number))
    sentences = dict(status(run))
    assert sentences["preprocess"] == "up to date"
    assert sentences["train"] == "not done"
    of_old_data = dict(status(run, older="older than its files"))
    assert of_old_data["ingest"] == "older than its files"
    assert of_old_data["preprocess"].startswith("up to date with the catalog, which is older")
    assert of_old_data["train"] == "not done"
    os.utime(run.stage_settings("preprocess"), (time.time() + 9, time.time() + 9))
    assert "older than preprocess.yaml" in dict(status(run))["preprocess"]
    assert sentences["intake"] == "not done"


def test_a_part_of_a_study_is_named_with_the_run_that_it_belongs_to():
    run = RunFolder(Path("somewhere/runs/mias"))
    titles = [part.title for part in (run, run.fold(2), run.folds, run.mined, run.control("x"))]
    below = ["", "/folds/2", "/folds", "/mined", "/controls/x"]
    assert titles == [f"mias{rest}" for rest in below]


def test_a_sentence_that_another_library_passed_on_is_a_sentence():
    passed_on = RuntimeError("UNKNOWN: UserError: a.b2nd is not as it was written.\nTraceback ...")
    assert sentence_of(passed_on, Path()) == "a.b2nd is not as it was written."
    assert sentence_of(RuntimeError("x"), Path()) is None


def test_a_damaged_summary_is_a_sentence(tmp_path):
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(UserError, match=r"a\.json is damaged"):
        read_json(tmp_path / "a.json")
