"""What is only needed for a while is gone afterwards, also that of a process that was killed."""

import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pipeline.run import scratch
from pipeline.run.code import ROOT
from pipeline.run.scratch import scratch_folder

HELD = """
from pipeline.run.scratch import scratch_folder
with scratch_folder() as folder:
    (folder / "mammogram").touch()
    print(folder, flush=True)
    input()
"""


def holder() -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", HELD], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def test_a_folder_of_a_process_that_was_killed_is_cleared_and_one_in_use_is_not():
    with holder() as first, holder() as second:
        killed, used = (Path(each.stdout.readline().decode().strip()) for each in (first, second))
        first.kill()
        assert first.wait() == -signal.SIGKILL
        assert killed.is_dir()
        with scratch_folder() as own:
            assert list(own.iterdir()) == []
            assert not killed.exists()
            assert (used / "mammogram").is_file()
        second.communicate(b"\n")
    assert not own.exists() and not used.exists()


def test_only_folders_of_this_user_and_project_are_cleared(place, monkeypatch):
    (place / "mine" / "kept").mkdir(parents=True)
    (place / "mammo-scratch-link").symlink_to(place / "mine")
    (place / "mammo-scratch-file").touch()
    others = place / "mammo-scratch-others"
    others.mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(scratch.os, "getuid", lambda: -1)
        with scratch_folder():
            assert others.is_dir()
    scratch._clear_left.cache_clear()
    with scratch_folder():
        assert not others.exists()
    assert sorted(path.name for path in place.iterdir()) == [
        *("mammo-scratch-file", "mammo-scratch-link", "mine")
    ]
    assert (place / "mine" / "kept").is_dir()


def test_a_folder_that_another_process_clears_as_it_is_made_is_made_again(place, monkeypatch):
    real, locked = scratch.fcntl.flock, []

    def late(lock: int, how: int) -> None:
        if not locked:
            for folder in place.iterdir():
                folder.rmdir()
        locked.append(lock)
        real(lock, how)

    monkeypatch.setattr(scratch.fcntl, "flock", late)
    with scratch_folder() as folder:
        assert folder.is_dir()
    assert len(locked) == 2
    assert list(place.iterdir()) == []


def test_all_of_the_project_takes_these_folders():
    others = [
        path.relative_to(ROOT).as_posix()
        for room in ("pipeline", "scripts", "models")
        for path in (ROOT / room).rglob("*.py")
        if re.search(r"\b(TemporaryDirectory|mkdtemp)\(", path.read_text(encoding="utf-8"))
    ]
    assert others == ["pipeline/run/scratch.py"]
