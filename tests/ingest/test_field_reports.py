"""Situations that users reported; ../shared/field-reports has the right answer of each."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.ingest.dicom_folder import read
from pipeline.run.errors import UserError
from tests.ingest.catalogs import catalog_of


@pytest.fixture
def made(mammo_data, tmp_path):
    """Write the input of a report; returns its folder."""

    def make(report: str) -> Path:
        for name in ("common.py", "base", report):
            source, target = mammo_data / "field-reports" / name, tmp_path / name
            if source.is_dir():
                shutil.copytree(source, target)
            else:
                shutil.copy(source, target)
        script = tmp_path / report / "make_input.py"
        subprocess.run([sys.executable, str(script)], check=True, capture_output=True)
        return tmp_path / report / "input"

    return make


def test_coordinates_that_are_shares_of_the_image_are_refused(made):
    with pytest.raises(UserError, match=r"line 2: .* shares of the image"):
        catalog_of(read, made("03-normalised-coordinates"))


def test_patient_ids_stay_whole(made):
    images = catalog_of(read, made("04-patient-ids-cut-to-P_ddddd")).images
    assert images["patient_id"].nunique() == 8
    assert {"HOSP_000101", "GRP_00042", "EXP_00042"} <= set(images["patient_id"])
