"""Fixtures of the tests of the model."""

import pytest

from pipeline.run.layout import RunFolder
from tests.train.toy_run import write_toy_run


@pytest.fixture(scope="session")
def shared_toy_run(tmp_path_factory) -> RunFolder:
    """A run as preprocess leaves it, for tests that write nothing into it."""
    return write_toy_run(tmp_path_factory.mktemp("toy") / "run")
