"""Parts of a study: processes of their own, whose end is told."""

import multiprocessing
import os
import signal
import time

import pytest

from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder
from pipeline.run.settings import Remembered, build_settings, load_settings, recall, remember
from pipeline.studies.subruns import in_own_process, run_stages
from tests.studies.process_functions import fail, ignore_the_end_of_the_parent, study_with


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


def test_a_part_ends_with_a_study_that_is_killed(tmp_path):
    checkpoint = tmp_path / "checkpoint"
    study = multiprocessing.get_context("spawn").Process(target=study_with, args=(str(checkpoint),))
    study.start()
    study.join()
    assert study.exitcode == -signal.SIGKILL
    for _ in range(500):
        if checkpoint.is_file():
            return
        time.sleep(0.02)
    pytest.fail("the part goes on")


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
