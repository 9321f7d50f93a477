"""The gate against leaks."""

import pandas as pd
import pytest

from pipeline.preprocess.leakage import check_leakage
from pipeline.run.errors import UserError


def mammograms(*rows) -> pd.DataFrame:
    columns = ["image_id", "patient_id", "split", "source", "pixel_sha256"]
    return pd.DataFrame(rows, columns=columns)


def test_a_clean_split_passes_without_a_word():
    table = mammograms(
        ("a", "p1", "train", "a.dcm", "11"),
        ("b", "p1", "train", "b.dcm", "22"),
        ("c", "p2", "test", "c.dcm", "33"),
    )
    assert check_leakage(table) == []


def test_a_patient_in_two_parts_is_named_with_the_files():
    table = mammograms(("a", "p1", "train", "a.dcm", "11"), ("b", "p1", "test", "x/b.dcm", "22"))
    with pytest.raises(
        UserError, match=r"patient p1 is in test and train: a\.dcm \(train\), x/b\.dcm \(test\)"
    ):
        check_leakage(table)


def test_identical_pixels_in_two_parts_are_named_with_files_and_patients():
    table = mammograms(
        ("a", "p1", "train", "a.dcm", "11"), ("b", "p2", "validation", "b.dcm", "11")
    )
    with pytest.raises(
        UserError, match=r"identical pixels: a\.dcm \(p1, train\), b\.dcm \(p2, validation\)"
    ):
        check_leakage(table)


def test_all_leaks_are_named_at_once():
    table = mammograms(
        ("a", "p1", "train", "a.dcm", "11"),
        ("b", "p1", "test", "b.dcm", "22"),
        ("c", "p2", "train", "c.dcm", "22"),
    )
    with pytest.raises(UserError, match=r"patient p1 .*; identical pixels: b\.dcm"):
        check_leakage(table)


def test_identical_pixels_within_one_part_are_a_note():
    table = mammograms(("a", "p1", "train", "a.dcm", "11"), ("b", "p2", "train", "b.dcm", "11"))
    notes = check_leakage(table)
    assert notes == ["identical pixels within train: a.dcm (p1, train), b.dcm (p2, train)"]
