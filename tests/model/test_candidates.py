"""Local maxima on maps small enough to see."""

import numpy as np
import pytest

from pipeline.model.candidates import find_peaks

NAN = np.nan


def peaks(values, *, min_distance_cells=0, limit=99):
    rows, cols = find_peaks(
        np.array(values, dtype=np.float32), min_distance_cells=min_distance_cells, limit=limit
    )
    return list(zip(rows.tolist(), cols.tolist(), strict=True))


def test_maxima_come_best_first():
    values = [[0, 0, 0, 0, 0], [0, 1, 0, 2, 0], [0, 0, 0, 0, 0]]
    assert peaks(values) == [(1, 3), (1, 1)]


def test_cells_outside_the_breast_are_neither_peaks_nor_neighbours():
    assert peaks([[NAN, 3, NAN], [NAN, NAN, NAN], [5, NAN, 1]]) == [(2, 0), (0, 1), (2, 2)]


def test_a_map_of_nan_has_no_peak():
    assert peaks([[NAN, NAN], [NAN, NAN]]) == []


def test_a_plateau_counts_once_at_its_middle():
    assert peaks([[0, 0, 0, 0, 0], [0, 7, 7, 7, 0], [0, 0, 0, 0, 0]]) == [(1, 2)]
    assert peaks(np.ones((3, 3))) == [(1, 1)]


def test_the_flat_shoulder_of_a_summit_is_no_peak():
    assert peaks([[1, 1, 1, 1, 2]]) == [(0, 4)]


def test_a_diagonal_neighbour_is_a_neighbour():
    assert peaks([[1, 0, 0], [0, 2, 0], [0, 0, 0]]) == [(1, 1)]


@pytest.mark.parametrize(("distance", "count"), [(2.0, 2), (2.1, 1)])
def test_of_two_near_peaks_the_better_stays(distance, count):
    found = peaks([[3, 0, 4]], min_distance_cells=distance)
    assert found == [(0, 2), (0, 0)][:count]


def test_a_suppressed_peak_suppresses_no_other():
    assert peaks([[5, 0, 4, 0, 3]], min_distance_cells=3) == [(0, 0), (0, 4)]


def test_equal_peaks_come_in_reading_order_and_the_limit_holds():
    values = [[1, 0, 1], [0, 0, 0], [1, 0, 1]]
    assert peaks(values, limit=3) == [(0, 0), (0, 2), (2, 0)]


def test_the_map_is_not_modified():
    values = np.array([[NAN, 1.0], [0.5, 0.2]])
    before = values.copy()
    find_peaks(values, min_distance_cells=1, limit=5)
    np.testing.assert_array_equal(values, before)


def test_a_map_with_three_axes_is_refused():
    with pytest.raises(ValueError, match="two axes, not 3"):
        find_peaks(np.zeros((1, 2, 3)), min_distance_cells=1, limit=1)
