"""Fixtures of the training tests."""

import pytest

from pipeline.run.layout import RunFolder
from tests.train.toy_run import write_toy_run


@pytest.fixture
def toy_run(tmp_path) -> RunFolder:
    """A run folder of its own, as preprocess leaves it."""
    return write_toy_run(tmp_path / "run")


@pytest.fixture(scope="session")
def shared_toy_run(tmp_path_factory) -> RunFolder:
    """For tests that write nothing into it."""
    return write_toy_run(tmp_path_factory.mktemp("toy") / "run")
