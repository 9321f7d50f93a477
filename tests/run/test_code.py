"""Which code made a result: what git tells, and that it is said where git tells nothing."""

import subprocess
from pathlib import Path

import pytest

from pipeline.run.code import code_state


@pytest.fixture
def project(tmp_path) -> Path:
    """A repository with the project's code in it."""
    root = tmp_path / "a project"
    for name in ("pipeline/run/code.py", "configs/mias.yaml", "Makefile"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("first\n")
    git(root, "init", "-q")
    commit(root)
    return root


def git(root: Path, *words: str) -> str:
    who = ("-c", "user.name=x", "-c", "user.email=x@x")
    done = subprocess.run(
        ["git", "-C", root, *who, *words], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def commit(root: Path) -> None:
    git(root, "add", ".")
    git(root, "commit", "-qm", "x")


def test_files_of_the_user_do_not_change_the_code(project):
    here = git(project, "rev-parse", "HEAD")
    for name in ("notes.txt", "my split.csv", "models/weights.h5", "sub/x.py"):
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text("mine")
    (project / "configs/mias.yaml").write_text("root: mine")
    state = code_state(project)
    assert (state.commit, state.dirty, state.unknown) == (here, False, "")


@pytest.mark.parametrize(
    "name", ["pipeline/run/code.py", "Makefile", "pipeline/ingest/mine new.py"]
)
def test_changed_and_new_code_differs_from_the_commit(project, name):
    (project / name).parent.mkdir(exist_ok=True)
    (project / name).write_text("second\n")
    assert code_state(project).dirty


def test_a_git_that_refuses_is_said_and_not_taken_as_unchanged(project, monkeypatch):
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    state = code_state(project)
    assert (state.commit, state.dirty) == ("", False)
    assert "dubious ownership" in state.complaint
    assert "recorded as unknown" in state.complaint


def test_a_status_that_fails_is_not_taken_as_unchanged(project):
    (project / ".git" / "index").write_bytes(b"damaged")
    assert code_state(project).commit == ""
    assert code_state(project).complaint


def test_code_outside_any_repository_or_in_that_of_something_else_has_no_commit(tmp_path, project):
    inner = project / "runs" / "unpacked"
    (inner / "pipeline/run").mkdir(parents=True)
    (inner / "pipeline/run/code.py").write_text("")
    (tmp_path / "outside").mkdir()
    for root in (inner, tmp_path / "outside"):
        state = code_state(root)
        assert (state.commit, state.complaint) == ("", "")
        assert state.unknown
