"""Candidates of maps small enough to see: soft suppression."""

import numpy as np
import pytest

from pipeline.model.candidates import find_candidates
from tests.model.rules import a_rule

NAN = np.nan


def found(values, *, limit=99, **suppression):
    """The candidates of a map, lowered by 4 at its place unless something else is said."""
    rule = a_rule(max_candidates=limit, **{"suppression_cells": 1.0, **suppression})
    return find_candidates(np.array(values, dtype=np.float32), rule)


def places(values, **how):
    candidates = found(values, **how)
    return list(zip(candidates.rows.tolist(), candidates.cols.tolist(), strict=True))


def test_the_highest_place_comes_first_and_lowers_its_neighbours_by_a_gaussian():
    candidates = found([[0, 8, 7, 0, 6]])
    assert list(zip(candidates.rows, candidates.cols, strict=True))[:3] == [(0, 1), (0, 4), (0, 2)]
    # 7 is one cell from the 8 and two from the 6.
    third = 7 - 4 * np.exp(-1 / 2) - 4 * np.exp(-4 / 2)
    second = 6 - 4 * np.exp(-9 / 2)
    assert candidates.lowered_logits[:3] == pytest.approx([8, second, third])


def test_of_two_near_peaks_both_are_candidates():
    assert places([[0, 5, 0, 4, 0]], limit=2) == [(0, 1), (0, 3)]


def test_a_shoulder_without_a_local_maximum_gets_a_candidate():
    # A small finding in columns 3 and 4, beside a higher place, on ground that falls.
    shoulder = [[1, 6, 9, 7, 6, 1, 0, 0]]
    assert (0, 4) in places(shoulder, limit=2)


def test_places_outside_the_breast_are_no_candidates():
    assert places([[NAN, 3, NAN], [NAN, NAN, NAN], [5, NAN, 1]]) == [(2, 0), (0, 1), (2, 2)]
    assert places([[NAN, NAN], [NAN, NAN]]) == []
    assert np.isnan(found([[NAN, 3.0]]).lowered).tolist() == [[True, False]]


def test_of_equal_places_the_upper_is_taken_then_the_left():
    values = [[1, 0, 1], [0, 0, 0], [1, 0, 1]]
    assert places(values, limit=4, suppression_cells=0.1) == [(0, 0), (0, 2), (2, 0), (2, 2)]
    assert places(np.ones((3, 3)), limit=1) == [(0, 0)]


def test_each_place_is_taken_once_and_all_where_the_limit_allows():
    assert sorted(places([[3, 1], [2, 2]], suppression_logits=0.0)) == [
        (0, 0), (0, 1), (1, 0), (1, 1),
    ]  # fmt: skip
    assert len(places(np.zeros((9, 9)), limit=7)) == 7


def test_without_depth_the_places_come_by_their_logits():
    values = np.random.default_rng(1).normal(size=(5, 6)).astype(np.float32)
    candidates = found(values, suppression_logits=0.0)
    np.testing.assert_array_equal(candidates.lowered_logits, np.sort(values.ravel())[::-1])


@pytest.mark.parametrize("axis", [0, 1])
def test_a_mirrored_map_has_mirrored_candidates(axis):
    values = np.random.default_rng(2).normal(size=(7, 9))
    plain, mirrored = found(values, limit=20), found(np.flip(values, axis), limit=20)
    assert mirrored.lowered_logits == pytest.approx(plain.lowered_logits)
    np.testing.assert_allclose(np.flip(mirrored.lowered, axis), plain.lowered)


def test_lowered_logits_fall_and_a_level_only_moves_them():
    values = np.random.default_rng(3).normal(size=(12, 10))
    plain, raised = found(values, limit=30), found(values + 2, limit=30)
    assert (np.diff(plain.lowered_logits) <= 0).all()
    np.testing.assert_array_equal(plain.rows, raised.rows)
    assert raised.lowered_logits == pytest.approx(plain.lowered_logits + 2, abs=1e-6)


def test_what_is_left_of_other_places_is_not_above_the_last_candidate():
    candidates = found(np.random.default_rng(4).normal(size=(8, 8)), limit=5)
    left = candidates.lowered.copy()
    left[candidates.rows, candidates.cols] = -np.inf
    assert left.max() <= candidates.lowered_logits[-1]


def test_the_map_is_not_modified():
    values = np.array([[NAN, 1.0], [0.5, 0.2]])
    before = values.copy()
    find_candidates(values, a_rule())
    np.testing.assert_array_equal(values, before)


def test_a_map_with_three_axes_is_refused():
    with pytest.raises(ValueError, match="two axes, not 3"):
        find_candidates(np.zeros((1, 2, 3)), a_rule())
