"""The split by patient."""

import pandas as pd
import pytest

from pipeline.config import SplitSettings
from pipeline.preprocess.split import split_patients
from pipeline.run.errors import UserError


def catalog(patients: int, *, abnormal: int, hints: dict | None = None):
    """Two images per patient; the first `abnormal` patients have two findings each."""
    ids = [f"p{i:03d}" for i in range(patients)]
    images = pd.DataFrame(
        {
            "image_id": [f"{p}-{side}" for p in ids for side in "LR"],
            "patient_id": [p for p in ids for _ in "LR"],
            "split_hint": [(hints or {}).get(p, "") for p in ids for _ in "LR"],
        }
    )
    findings = pd.DataFrame({"image_id": [f"{p}-L" for p in ids[:abnormal] for _ in range(2)]})
    return images, findings


def sizes(split) -> dict:
    return pd.Series(split.of).value_counts().to_dict()


def test_every_patient_is_in_one_part_and_the_shares_are_exact():
    images, findings = catalog(100, abnormal=40)
    split = split_patients(images, findings, SplitSettings(test=0.25, validation=0.15))
    assert set(split.of) == set(images["patient_id"])
    assert sizes(split) == {"train": 60, "test": 25, "validation": 15}


def test_patients_with_and_without_findings_are_split_alike():
    images, findings = catalog(100, abnormal=40)
    split = split_patients(images, findings, SplitSettings(test=0.25, validation=0.15))
    with_finding = {p: s for p, s in split.of.items() if p < "p040"}
    assert pd.Series(with_finding).value_counts().to_dict() == {
        "train": 24,
        "test": 10,
        "validation": 6,
    }


@pytest.mark.parametrize(("patients", "abnormal"), [(4, 2), (8, 1), (9, 3), (161, 60), (11, 0)])
def test_uneven_numbers_are_rounded_over_all_patients(patients, abnormal):
    images, findings = catalog(patients, abnormal=abnormal)
    split = split_patients(images, findings, SplitSettings(test=0.25, validation=0.15))
    assert sizes(split)["test"] == int(0.25 * patients + 0.5)
    assert sizes(split)["validation"] == int(0.15 * patients + 0.5)


def test_few_patients_with_findings_go_to_the_test_and_validation_first():
    images, findings = catalog(20, abnormal=3)
    split = split_patients(images, findings, SplitSettings(test=0.25, validation=0.15))
    assert sorted(split.of[p] for p in ("p000", "p001", "p002")) == ["test", "train", "validation"]


def test_the_split_depends_on_the_seed_and_not_on_the_order_of_the_table():
    images, findings = catalog(50, abnormal=20)
    first = split_patients(images, findings, SplitSettings()).of
    assert split_patients(images.iloc[::-1], findings, SplitSettings()).of == first
    assert split_patients(images, findings, SplitSettings(seed=1)).of != first


def test_shares_of_zero_leave_everybody_in_training():
    images, findings = catalog(10, abnormal=4)
    split = split_patients(images, findings, SplitSettings(test=0, validation=0))
    assert sizes(split) == {"train": 10}


def test_half_test_and_half_validation_leave_nobody_out():
    images, findings = catalog(10, abnormal=5)
    split = split_patients(images, findings, SplitSettings(test=0.5, validation=0.5))
    assert set(split.of) == set(images["patient_id"])
    assert set(sizes(split)) == {"test", "validation"}


def test_the_data_sets_own_split_is_kept_and_validation_is_taken_from_its_training():
    hints = {f"p{i:03d}": "test" if i % 4 == 0 else "train" for i in range(40)}
    images, findings = catalog(40, abnormal=16, hints=hints)
    split = split_patients(images, findings, SplitSettings(test=0.25, validation=0.15))
    assert {p for p, part in split.of.items() if part == "test"} == {
        p for p, hint in hints.items() if hint == "test"
    }
    assert sizes(split) == {"train": 24, "test": 10, "validation": 6}
    assert "6 of its training patients became validation patients" in split.notes


def test_a_complete_own_split_is_taken_as_it_is():
    hints = {"p000": "train", "p001": "validation", "p002": "test", "p003": "train"}
    images, findings = catalog(4, abnormal=2, hints=hints)
    assert split_patients(images, findings, SplitSettings()).of == hints


def test_own_splits_can_be_left_aside():
    images, findings = catalog(40, abnormal=16, hints={f"p{i:03d}": "test" for i in range(40)})
    split = split_patients(images, findings, SplitSettings(use_hints=False))
    assert sizes(split)["test"] == 10


def test_patients_without_a_hint_are_split_by_hash():
    hints = {"p000": "train", "p001": "validation"}
    images, findings = catalog(42, abnormal=0, hints=hints)
    split = split_patients(images, findings, SplitSettings(test=0.25, validation=0.15))
    assert (split.of["p000"], split.of["p001"]) == ("train", "validation")
    assert sizes(split) == {"train": 25, "test": 10, "validation": 7}


def test_the_users_table_wins_over_the_data_sets_own_split():
    images, findings = catalog(4, abnormal=2, hints={"p000": "test", "p001": "test"})
    fixed = {
        "p000": "train",
        "p001": "validation",
        "p002": "test",
        "p003": "train",
        "other": "test",
    }
    split = split_patients(images, findings, SplitSettings(use_hints=False), fixed=fixed)
    assert split.of == {p: fixed[p] for p in ("p000", "p001", "p002", "p003")}


@pytest.mark.parametrize("use_hints", [True, False])
def test_the_users_table_always_holds_and_the_notes_say_whose_split_it_was(use_hints):
    images, findings = catalog(40, abnormal=16, hints=dict.fromkeys(["p002", "p003"], "test"))
    fixed = {"p000": "test", "p001": "validation", "p002": "train"}
    split = split_patients(images, findings, SplitSettings(use_hints=use_hints), fixed=fixed)
    assert {patient: split.of[patient] for patient in fixed} == fixed
    hinted = ["1 patients are split by the data set's own split"] if use_hints else []
    assert split.notes == [
        "3 patients are split by the user's own table",
        *hinted,
        f"{36 if use_hints else 37} patients are split by hash, seed 0",
    ]
    assert split.of["p003"] == "test" or not use_hints


def test_for_a_model_from_elsewhere_every_patient_is_a_test_patient():
    images, findings = catalog(4, abnormal=2, hints={"p000": "train"})
    split = split_patients(
        images, findings, SplitSettings(), fixed={"p001": "train"}, all_test=True
    )
    assert sizes(split) == {"test": 4}


def test_a_patient_with_two_hints_is_refused_by_name():
    images, findings = catalog(3, abnormal=1)
    images["split_hint"] = ["train", "test", "train", "train", "", "test"]
    with pytest.raises(UserError, match=r"more than one part: p000\. .*split\.csv"):
        split_patients(images, findings, SplitSettings())


def test_a_catalog_without_findings_is_split_too():
    images, _ = catalog(8, abnormal=0)
    split = split_patients(images, pd.DataFrame({"image_id": []}, dtype=str), SplitSettings())
    assert sizes(split) == {"train": 5, "test": 2, "validation": 1}


def test_every_patient_is_tested_in_exactly_one_fold():
    images, findings = catalog(42, abnormal=13)
    tested = []
    for fold in (1, 2, 3, 4):
        split = split_patients(images, findings, SplitSettings(folds=4, fold=fold))
        tests = [p for p, part in split.of.items() if part == "test"]
        assert 10 <= len(tests) <= 12
        assert sum(p < "p013" for p in tests) in (3, 4)
        assert sizes(split)["validation"] == round(0.2 * (42 - len(tests)))
        tested += tests
    assert sorted(tested) == sorted(images["patient_id"].unique())


def test_a_cross_validation_does_not_use_the_own_split_of_the_data_set():
    images, findings = catalog(8, abnormal=4, hints=dict.fromkeys(["p000", "p001"], "train"))
    folds = [split_patients(images, findings, SplitSettings(folds=2, fold=k)) for k in (1, 2)]
    assert "test" in {folds[0].of["p000"], folds[1].of["p000"]}


@pytest.mark.parametrize("wrong", [{"folds": 4}, {"fold": 1}, {"folds": 2, "fold": 3}])
def test_fold_and_folds_go_together(wrong):
    with pytest.raises(ValueError, match=r"split\.fold"):
        SplitSettings(**wrong)
