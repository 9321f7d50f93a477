"""The default run, which is the first that a person sees: what it must rest on."""

from pathlib import Path

import pandas as pd
import pytest

from pipeline.ingest.phantom.plan import SIDES, VIEWS, plan_patient
from pipeline.model.calibration import FEW_LESIONS
from pipeline.preprocess.split import split_patients
from pipeline.run.settings import build_settings

ROOT = Path(__file__).parents[1]
DEFAULT = ROOT / "configs" / "default.yaml"


@pytest.mark.parametrize("part", ["validation", "test"])
def test_enough_lesions_lie_behind_the_calibration_and_behind_the_figures(part):
    settings = build_settings(DEFAULT, {})
    patients = [plan_patient(i, settings.phantom) for i in range(settings.phantom.patients)]
    images, findings = [], []
    for patient in patients:
        for side in SIDES:
            shown = sum(lesion.side == side for lesion in patient.lesions)
            for view in VIEWS:
                image_id = patient.image_id(side, view)
                images.append((image_id, patient.patient_id, ""))
                findings += [(image_id, patient.patient_id)] * shown
    split = split_patients(
        pd.DataFrame(images, columns=["image_id", "patient_id", "split_hint"]),
        pd.DataFrame(findings, columns=["image_id", "patient_id"]),
        settings.split,
    )
    assert sum(split.of[patient_id] == part for _, patient_id in findings) >= FEW_LESIONS
