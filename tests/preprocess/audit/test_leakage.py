"""The gate against leaks."""

import numpy as np
import pandas as pd
import pytest

from pipeline.annotations.outlines import Circle, Outline
from pipeline.preprocess.audit.leakage import check_leakage, without_leaks
from pipeline.preprocess.audit.signature import SIDE
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


def two_parts() -> pd.DataFrame:
    """Image a of p1 in train and image b of p2 in test, of one size, with other pixels."""
    table = mammograms(("a", "p1", "train", "a.dcm", "11"), ("b", "p2", "test", "b.dcm", "22"))
    return table.assign(original_height=400, original_width=300)


def outline(finding_id, *, circle=None, polygons=()) -> Outline:
    parts = tuple(np.array(points) for points in polygons)
    return Outline(finding_id, "mass", "benign", True, circle, parts)


def signature(seed: int, *, changed: float = 0.0) -> str:
    """Every point either brighter or darker; of `changed` of them the opposite."""
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2, SIDE * SIDE).astype(bool)
    bits ^= rng.random(SIDE * SIDE) < changed
    return np.packbits([bits, ~bits]).tobytes().hex()


TRIANGLE = [[10.0, 10.0], [10.0, 50.5], [40.0, 30.25]]
CIRCLE = Circle(10.0, 20.0, 5.0)


def test_one_outline_in_images_of_two_parts_is_named():
    outlines = {i: [outline(f"{i}-1", polygons=[TRIANGLE])] for i in "ab"}
    with pytest.raises(
        UserError, match=r"identical outlines: a\.dcm \(a-1, train\), b\.dcm \(b-1, test\)"
    ):
        check_leakage(two_parts(), outlines=outlines)


def test_one_circle_in_images_that_are_not_alike_is_a_note():
    outlines = {i: [outline(f"{i}-1", circle=CIRCLE)] for i in "ab"}
    note = "identical circles: a.dcm (a-1, train), b.dcm (b-1, test)"
    assert check_leakage(two_parts(), outlines=outlines) == [note]
    different = {"a": signature(1), "b": signature(2)}
    assert check_leakage(two_parts(), outlines=outlines, signatures=different) == [note]


def test_one_circle_in_images_that_are_somewhat_alike_is_a_leak():
    outlines = {i: [outline(f"{i}-1", circle=CIRCLE)] for i in "ab"}
    somewhat = {"a": signature(1), "b": signature(1, changed=0.25)}
    assert check_leakage(two_parts(), signatures=somewhat) == []
    with pytest.raises(UserError, match="identical outlines"):
        check_leakage(two_parts(), outlines=outlines, signatures=somewhat)


def test_one_outline_in_images_of_two_sizes_is_no_leak():
    outlines = {i: [outline(f"{i}-1", polygons=[TRIANGLE])] for i in "ab"}
    other = two_parts().assign(original_height=[400, 500])
    assert check_leakage(other, outlines=outlines) == []


def test_single_points_may_meet_by_chance():
    outlines = {i: [outline(f"{i}-1", polygons=[[[3.0, 4.0]]])] for i in "ab"}
    assert check_leakage(two_parts(), outlines=outlines) == []


def test_one_outline_twice_in_one_part_is_no_leak():
    same_part = two_parts().assign(split="train")
    outlines = {i: [outline(f"{i}-1", polygons=[TRIANGLE])] for i in "ab"}
    assert check_leakage(same_part, outlines=outlines) == []


def test_a_finding_id_in_two_parts_is_named():
    outlines = {"a": [outline("x", circle=CIRCLE)], "b": [outline("x", polygons=[TRIANGLE])]}
    with pytest.raises(UserError, match=r"one lesion: a\.dcm \(x, train\), b\.dcm \(x, test\)"):
        check_leakage(two_parts(), outlines=outlines)


def positions(*rows) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["image_id", "split", "row_index", "col_index"])


def test_positions_in_the_part_of_their_image_pass():
    clean = [
        positions(("a", "train", 0, 0), ("a", "train", 0, 1)),
        positions(("b", "test", 0, 0)),
        positions(),
    ]
    passed = list(without_leaks(clean, two_parts()))
    assert [len(table) for table in passed] == [2, 1, 0]


@pytest.mark.parametrize("stray", [("b", "train", 0, 0), ("unknown", "test", 0, 0)])
def test_a_position_in_another_part_than_its_image_is_named(stray):
    tables = [positions(("a", "train", 0, 0)), positions(stray)]
    with pytest.raises(
        UserError, match=rf"1 positions are in another part than their image {stray[0]}"
    ):
        list(without_leaks(tables, two_parts()))


def test_a_position_that_occurs_twice_is_named():
    table = positions(("a", "train", 3, 4), ("a", "train", 3, 5), ("a", "train", 3, 4))
    with pytest.raises(UserError, match="1 positions are twice in their image a"):
        list(without_leaks([table], two_parts()))


def test_the_same_mammogram_with_other_pixels_in_two_parts_is_named():
    same = {"a": signature(1), "b": signature(1)}
    with pytest.raises(
        UserError, match=r"the same mammogram twice: a\.dcm \(p1, train\), b\.dcm \(p2, test\)"
    ):
        check_leakage(two_parts(), signatures=same)
    assert check_leakage(two_parts(), signatures={"a": signature(1), "b": signature(2)}) == []


def test_the_same_mammogram_with_other_pixels_within_one_part_is_a_note():
    same = {"a": signature(1), "b": signature(1)}
    notes = check_leakage(two_parts().assign(split="test"), signatures=same)
    assert notes == ["the same mammogram twice within test: a.dcm (p1, test), b.dcm (p2, test)"]


def test_identical_pixels_are_named_once():
    same = {"a": signature(1), "b": signature(1)}
    table = two_parts().assign(split="test", pixel_sha256="11")
    assert len(check_leakage(table, signatures=same)) == 1


def test_more_leaks_than_can_be_read_are_counted():
    rows = [
        (f"{p}{s}", p, s, f"{p}{s}.dcm", f"{p}{s}") for p in range(30) for s in ("test", "train")
    ]
    with pytest.raises(UserError, match="and 10 more"):
        check_leakage(mammograms(*rows))
