"""The default run, which is the first that a person sees: what it must rest on, what it reached."""

import json
from pathlib import Path

import pandas as pd
import pytest

from pipeline.ingest.phantom.plan import SIDES, VIEWS, plan_patient
from pipeline.model.calibration import FEW_LESIONS
from pipeline.preprocess.split import split_patients
from pipeline.run.settings import build_settings

ROOT = Path(__file__).parents[1]
DEFAULT = ROOT / "configs" / "default.yaml"
# In patch AUC: what a threshold on the brightness around a place must stay behind.
THRESHOLD_BEHIND = 0.10


@pytest.fixture(scope="module")
def kept() -> dict:
    return json.loads((ROOT / "docs" / "results" / "default.json").read_text())


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


@pytest.mark.parametrize(("figure", "least"), [("image_auc", 0.80), ("mean_froc", 0.60)])
def test_the_kept_default_run_finds_what_is_there(kept, figure, least):
    assert kept[figure]["value"] >= least


@pytest.mark.parametrize("figure", ["slope", "observed_over_expected"])
def test_the_kept_default_run_is_calibrated(kept, figure):
    judged = kept["calibration"]["after"][figure]
    assert judged["low"] <= 1 <= judged["high"]


def test_a_threshold_stays_behind_the_network_of_the_kept_default_run(kept):
    baseline = kept["baselines"]["mean_contrast"]["value"]
    assert baseline <= kept["patch_auc"]["value"] - THRESHOLD_BEHIND
