"""Fixtures that all tests share."""

import os
import signal
from pathlib import Path

import pytest

from tests.needed import is_missing

# Before TensorFlow or albumentations is imported by any test.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
if "PYTEST_XDIST_WORKER" in os.environ:
    # A worker has a core; two that take both for each step stand in each other's way.
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# A job in the background or of nohup begins with signals ignored, and so does all that it starts.
for number, handler in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGHUP, signal.SIG_DFL),
):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, handler)

# A file is the work of one worker; the longest ones come first, so that none is left at the end.
LONGEST = (
    "tests/test_pipeline.py",
    "tests/train/test_stage.py",
    "tests/train/loop/test_learner.py",
)


def pytest_collection_modifyitems(items):
    first = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: first.get(item.nodeid.split("::")[0], len(first)))


@pytest.fixture(scope="session", autouse=True)
def private_folder(tmp_path_factory):
    """Pseudonyms by a key that is always the same, so that splits are."""
    folder = tmp_path_factory.mktemp("private")
    (folder / "pseudonym.key").write_text("01" * 32 + "\n", encoding="ascii")
    os.environ["MAMMO_PRIVATE"] = str(folder)
    return folder


@pytest.fixture(scope="session")
def mammo_data() -> Path:
    """Folder with mini-mias/, cbis-ddsm/ and dicom-files/, named by MAMMO_DATA.

    Without it the tests that need real mammograms are skipped with the reason; in CI, where
    the data are there, a missing folder is a failure.
    """
    root = Path(os.environ.get("MAMMO_DATA", "../shared"))
    if not (root / "mini-mias" / "Info.txt").is_file():
        is_missing(
            f"{root}/mini-mias is not there. Get mini-MIAS (free for research), put its images and "
            "Info.txt into FOLDER/mini-mias and set MAMMO_DATA=FOLDER."
        )
    return root
