"""What a hole of a mask means: noise, the inside of a drawn line, or no part of the finding."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.annotations.mask_holes import outlines_of_mask
from pipeline.annotations.outlines import Outline

ROWS, COLS = np.mgrid[:120, :100]
AROUND = np.ones((3, 3), np.uint8)


def disc(row: float, col: float, radius: float) -> np.ndarray:
    return np.hypot(ROWS - row, COLS - col) <= radius


def outline(mask: np.ndarray) -> tuple[Outline, list[str]]:
    polygons, notes = outlines_of_mask(mask)
    parts = tuple(np.array(points) for points in polygons)
    return Outline("a", "mass", "benign", True, polygons=parts), notes


def test_a_real_hole_is_no_part_of_the_finding():
    mask = disc(60, 50, 40) & ~disc(60, 50, 20)
    found, notes = outline(mask)
    assert found.contains([60, 60, 90], [50, 65, 50]).tolist() == [False, False, True]
    assert len(found.polygons) == 1
    holes = np.count_nonzero(disc(60, 50, 20))
    assert notes == [f"1 holes of its mask, {holes} pixels, do not count as inside"]


def test_several_holes_of_one_part_stay_holes_and_what_lies_in_one_is_a_part():
    mask = disc(60, 50, 45) & ~disc(40, 50, 12) & ~disc(80, 50, 12) | disc(80, 50, 5)
    found, _ = outline(mask)
    inside = found.contains([40, 80, 88, 60, 60], [50, 50, 50, 50, 80])
    assert inside.tolist() == [False, True, False, True, True]
    assert len(found.polygons) == 2


@pytest.mark.parametrize("size", [1, 2, 8])
def test_small_holes_are_filled_and_told(size):
    mask = disc(60, 50, 40)
    mask[50 : 50 + size, 40 : 40 + size] = mask[70, 60] = False
    found, notes = outline(mask)
    assert found.contains([50, 70], [40, 60]).all()
    assert notes == ["2 small holes of its mask were filled"]


def test_a_closed_line_stands_for_what_it_goes_round():
    found, notes = outline(disc(60, 50, 40) & ~disc(60, 50, 38))
    assert found.contains(60, 50)
    assert notes == ["its mask is a closed line: all that it goes round counts"]


@settings(max_examples=25, derandomize=True, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 119), st.integers(0, 99), st.integers(0, 30), st.booleans()),
        min_size=1,
        max_size=8,
    )
)
def test_inside_is_what_the_mask_says_but_for_small_holes_and_a_pixel(discs):
    mask = np.zeros(ROWS.shape, bool)
    for row, col, radius, adds in discs:
        mask = mask | disc(row, col, radius) if adds else mask & ~disc(row, col, radius)
    if not mask.any():
        assert outlines_of_mask(mask) == ([], [])
        return
    found, notes = outline(mask)
    if any("small" in note or "line" in note for note in notes):
        return
    drawn = found.contains(ROWS, COLS).astype(np.uint8)
    grey = np.pad(mask.astype(np.uint8), 1)
    solid, wide = (of(grey, AROUND)[1:-1, 1:-1] for of in (cv2.erode, cv2.dilate))
    assert (solid <= drawn).all() and (drawn <= wide).all()
