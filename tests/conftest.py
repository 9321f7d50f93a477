"""Fixtures that all tests share."""

import os
from pathlib import Path

import pytest

# Before TensorFlow or albumentations is imported by any test.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


@pytest.fixture(scope="session")
def mammo_data() -> Path:
    """Folder with mini-mias/, cbis-ddsm/ and dicom-files/, named by MAMMO_DATA.

    Without it the tests that need real mammograms are skipped with the reason; in CI, where
    the data are there, a missing folder is a failure.
    """
    root = Path(os.environ.get("MAMMO_DATA", "../shared"))
    if (root / "mini-mias" / "Info.txt").is_file():
        return root
    message = (
        f"{root}/mini-mias is not there. Get mini-MIAS (free for research), put its images and "
        "Info.txt into FOLDER/mini-mias and set MAMMO_DATA=FOLDER."
    )
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)
