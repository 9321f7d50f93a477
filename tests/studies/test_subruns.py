"""Parts of a study: processes of their own, whose end is told."""

import multiprocessing
import os
import signal
import time
from multiprocessing.context import SpawnProcess

import pytest

from pipeline.run.errors import UserError
from pipeline.run.events import EventLog, last_finished
from pipeline.run.layout import RunFolder
from pipeline.run.settings import Remembered, build_settings, load_settings, recall, remember
from pipeline.studies.subruns import announced, in_own_process, run_stages
from tests.studies.process_functions import (
    fail,
    ignore_the_end_of_the_parent,
    study_with,
    work_on,
)


def test_the_status_of_the_process_is_returned():
    assert in_own_process(os.getpid) == 0
    assert in_own_process(os._exit, 3) == 3
    assert in_own_process(os.abort) == 134


def test_a_user_error_is_a_sentence_there_too(capfd):
    assert in_own_process(fail) == 2
    assert capfd.readouterr().err == "no positions\n"


def test_a_study_that_is_told_to_end_lets_its_part_end_first(tmp_path):
    checkpoint = tmp_path / "checkpoint"
    with pytest.raises(SystemExit) as ended:
        in_own_process(ignore_the_end_of_the_parent, str(checkpoint))
    assert ended.value.code == 143
    assert checkpoint.read_text() == "checkpoint"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_study_that_is_told_to_end_as_it_starts_a_part_does_not_wait_for_it(
    tmp_path, monkeypatch, number
):
    start = SpawnProcess.start

    def told_meanwhile(process) -> None:
        os.kill(os.getpid(), number)
        start(process)

    monkeypatch.setattr(SpawnProcess, "start", told_meanwhile)
    with pytest.raises(SystemExit) as ended:
        in_own_process(work_on, str(tmp_path / "done"))
    assert ended.value.code == 128 + number
    assert not (tmp_path / "done").exists()


def test_a_part_ends_with_a_study_that_is_killed(tmp_path):
    checkpoint = tmp_path / "checkpoint"
    study = multiprocessing.get_context("spawn").Process(target=study_with, args=(str(checkpoint),))
    study.start()
    study.join()
    assert study.exitcode == -signal.SIGKILL
    until = time.monotonic() + 60
    while not checkpoint.is_file():
        assert time.monotonic() < until, "the part goes on"
        time.sleep(0.02)


def test_each_part_says_how_long_all_that_are_left_take_by_those_that_are_done(tmp_path, capsys):
    parts = {name: RunFolder(tmp_path / name) for name in "abcd"}

    def end(part: RunFolder, **seconds: float) -> None:
        for stage, took in seconds.items():
            EventLog(part, stage).finish(status="finished", seconds=took, peak_mib=1)

    end(parts["b"], train=100, evaluate=20)  # in an attempt before
    end(parts["c"], train=50)  # not to its end
    for part in announced(parts, upto="evaluate"):
        if "evaluate" not in last_finished(part):
            end(part, train=150, evaluate=10)
    assert [line.partition(" of 4, ")[2] for line in capsys.readouterr().out.splitlines()] == [
        "6 min 0 s left",  # three of 120 s
        "4 min 40 s left",  # two of 140 s
        "4 min 40 s left",
        "2 min 27 s left",
    ]


def test_what_follows_the_parts_counts_too(tmp_path, capsys):
    parts = {name: RunFolder(tmp_path / name) for name in "ab"}
    EventLog(parts["a"], "train").finish(status="finished", seconds=100, peak_mib=1)
    list(announced(parts, upto="train", afterwards=0.6))
    said = capsys.readouterr().out.splitlines()
    assert [line.partition(" of 2, ")[2] for line in said] == ["2 min 40 s left"] * 2


def test_the_first_part_knows_nothing_yet(tmp_path, capsys):
    next(announced({"fold 1": RunFolder(tmp_path)}, upto="evaluate"))
    said = "--- fold 1: part 1 of 1, how long all take is said after the first\n"
    assert capsys.readouterr().out == said


def test_a_part_has_the_settings_of_its_study_whatever_is_in_them(tmp_path, capfd):
    study = RunFolder(tmp_path / "a study")
    config = tmp_path / "my config.yaml"
    config.write_text("train:\n  epochs: 3\n")
    given = Remembered(
        str(config), {"data.root": f"{tmp_path}/no such data", "data.importer": "mias"}
    )
    remember(study, build_settings(config, given.overrides), given)
    part = study.fold(1)
    with pytest.raises(UserError, match=r"folds/1 ended with status 2 before evaluate was done"):
        run_stages(part, study, {"split.folds": "2", "split.fold": "1"}, upto="evaluate")
    assert "no such data is no folder" in capfd.readouterr().err
    assert recall(part).overrides == {**given.overrides, "split.folds": "2", "split.fold": "1"}
    settings = load_settings(part)
    assert (settings.data.root.name, settings.train.epochs) == ("no such data", 3)
