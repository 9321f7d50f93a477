"""Positions and the patch table."""

import numpy as np
import pytest

from pipeline.annotations.labels import LabelRule
from pipeline.annotations.outlines import Circle, Outline
from pipeline.config import LabelSettings
from pipeline.preprocess.positions import label_positions, position_grid

RULE = LabelRule(min_radius_px=4, circle_share=0.8, ignore_px=10)
LESION = Outline("f1", "mass", "malignant", True, circle=Circle(15.0, 15.0, 6.0))


def mammogram(**changes) -> dict:
    """Half the size of its original, of which it is the right part, mirrored."""
    row = {"image_id": "a", "patient_id": "p", "split": "train", "height": 40, "width": 32}
    row |= {"original_height": 80, "original_width": 100, "row0": 0, "col0": 36, "flipped": True}
    row |= {"row_scale": 2.0, "col_scale": 2.0, "spacing_mm": 0.2, "unlocated": False}
    return row | changes


def test_positions_start_at_the_upper_edge_and_reach_the_lower_one():
    rows, cols = position_grid(5, 4, 2)
    assert rows.tolist() == [-0.5, 1.5, 3.5, 5.5]
    assert cols.tolist() == [-0.5, 1.5, 3.5]
    assert rows.dtype == cols.dtype == np.float64


@pytest.mark.parametrize("size", [1, 31, 32, 33, 500])
def test_every_pixel_lies_within_half_a_pitch_of_a_position(size):
    rows, _ = position_grid(size, 1, 32)
    pixels = np.arange(size)
    assert np.abs(pixels[:, None] - rows).min(axis=1).max() <= 16
    assert rows[-2] < size - 0.5 <= rows[-1]


def test_a_pitch_is_whole_pixels_and_at_least_one():
    assert LabelSettings(pitch_mm=3.2).pitch_px(spacing_mm=0.1) == 32
    assert LabelSettings(pitch_mm=3.2).pitch_px(spacing_mm=0.2) == 16
    assert LabelSettings(pitch_mm=0.01).pitch_px(spacing_mm=0.1) == 1


def test_only_positions_in_the_breast_are_in_the_table():
    breast = np.zeros((5, 4), bool)
    breast[1:3, 0:3] = True  # rows 7.5 to 23.5, columns up to 23.5
    table = label_positions(mammogram(), [], breast, RULE, 8)
    points = list(zip(table["row_index"], table["col_index"], strict=True))
    assert points == [(1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2)]
    assert table["row_standard"].tolist() == [7.5] * 3 + [15.5] * 3
    assert table["col_standard"].tolist() == [-0.5, 7.5, 15.5] * 2
    assert (table["label"] == 0).all()


def test_row_and_col_are_pixels_of_the_original():
    table = label_positions(mammogram(), [], np.ones((5, 4), bool), RULE, 8)
    first = table.iloc[0]
    # The upper left corner of the standard image is the upper right one of the original.
    assert (first["row_standard"], first["col_standard"]) == (-0.5, -0.5)
    assert (first["row"], first["col"]) == (-0.5, 99.5)
    np.testing.assert_array_equal(table["row"], 2 * table["row_standard"] + 0.5)
    np.testing.assert_array_equal(table["col"], 98.5 - 2 * table["col_standard"])


def test_positive_positions_name_their_finding():
    table = label_positions(mammogram(), [LESION], np.ones((5, 4), bool), RULE, 8)
    positive = table[table["label"] == 1]
    assert positive[["row_standard", "col_standard"]].to_numpy().tolist() == [[15.5, 15.5]]
    assert positive["finding_id"].tolist() == ["f1"]
    assert set(table.loc[table["label"] != 1, "finding_id"]) == {""}
    assert {-1, 0} <= set(table["label"])


def test_an_image_that_is_not_fully_outlined_is_never_a_source_of_negatives():
    breast = np.ones((5, 4), bool)
    assert set(label_positions(mammogram(unlocated=True), [], breast, RULE, 8)["label"]) == {-1}


def test_the_outlines_of_an_image_that_is_not_fully_outlined_are_positive():
    breast = np.ones((5, 4), bool)
    known = label_positions(mammogram(), [LESION], breast, RULE, 8)
    table = label_positions(mammogram(unlocated=True), [LESION], breast, RULE, 8)
    assert table["label"].tolist() == [1 if label == 1 else -1 for label in known["label"]]
    assert table["finding_id"].tolist() == known["finding_id"].tolist()
    assert (table["label"] == 1).sum() == 1


def test_the_columns_have_the_types_of_the_table():
    table = label_positions(mammogram(), [LESION], np.ones((5, 4), bool), RULE, 8)
    names = ("row_index", "row", "col", "row_standard", "col_standard", "label")
    types = [str(table[name].dtype) for name in names]
    assert types == ["int32", "float64", "float64", "float32", "float32", "int8"]
