"""Fixtures of the training tests."""

import shutil

import pytest

from pipeline.run.layout import RunFolder
from pipeline.train.stage import train
from tests.train.toy_run import SHORT, stage_of, toy_settings, write_toy_run


@pytest.fixture
def toy_run(tmp_path) -> RunFolder:
    """A run folder of its own, as preprocess leaves it."""
    return write_toy_run(tmp_path / "run")


@pytest.fixture(scope="session")
def shared_toy_run(tmp_path_factory) -> RunFolder:
    """For tests that write nothing into it."""
    return write_toy_run(tmp_path_factory.mktemp("toy") / "run")


def _trained(tmp_path_factory, **train_settings) -> RunFolder:
    run = write_toy_run(tmp_path_factory.mktemp("trained") / "run")
    train(stage_of(run, toy_settings(**SHORT, **train_settings)))
    return run


@pytest.fixture(scope="session")
def shared_single(tmp_path_factory) -> RunFolder:
    """Finished, of the settings SHORT; for tests that write nothing into it."""
    return _trained(tmp_path_factory)


@pytest.fixture(scope="session")
def shared_ensemble(tmp_path_factory) -> RunFolder:
    """The same of two members and seed 1."""
    return _trained(tmp_path_factory, members=2, seed=1)


@pytest.fixture(params=["single", "ensemble"])
def finished_copy(request, tmp_path) -> RunFolder:
    """A copy of either that a test may change."""
    original = request.getfixturevalue(f"shared_{request.param}")
    shutil.copytree(original.root, tmp_path / "copy")
    return RunFolder(tmp_path / "copy")
