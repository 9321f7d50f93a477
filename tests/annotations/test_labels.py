"""The label of a position."""

import cv2
import numpy as np
import pytest

from pipeline.annotations.geometry import Geometry
from pipeline.annotations.labels import LabelRule, finding_at, finding_hit, label_points
from pipeline.annotations.outlines import Circle, Outline, standard_outlines
from pipeline.annotations.polygon import area_and_centroid, distance_to_polygon
from pipeline.config import LabelSettings

RULE = LabelRule(min_radius_px=4, circle_share=0.8, ignore_px=20)
SQUARE = np.array([[0.0, 0.0], [0.0, 10.0], [10.0, 10.0], [10.0, 0.0]])


def circle(row, col, radius, *, finding_id="c", positive=True) -> Outline:
    return Outline(finding_id, "mass", "benign", positive, circle=Circle(row, col, radius))


def polygon(points, *, finding_id="p", positive=True) -> Outline:
    return Outline(
        finding_id, "mass", "benign", positive, polygons=(np.asarray(points, np.float64),)
    )


def test_of_a_circle_the_inner_share_is_positive_and_its_surroundings_are_ignored():
    labels = label_points(0, [0, 8, 8.01, 30, 30.01], [circle(0, 0, 10)], RULE)
    assert labels.tolist() == [1, 1, -1, -1, 0]
    assert labels.dtype == np.int8


def test_a_small_circle_counts_as_the_smallest_radius():
    labels = label_points(0, [0, 4, 4.01, 24, 24.01], [circle(0, 0, 1)], RULE)
    assert labels.tolist() == [1, 1, -1, -1, 0]


def test_a_circle_whose_inner_share_is_small_keeps_its_own_edge_for_the_ignored_zone():
    # 0.8 * 4.5 = 3.6 is below the smallest radius of 4, and the full radius is 4.5.
    labels = label_points([4, 4.2, 24.5, 24.6], 0, [circle(0, 0, 4.5)], RULE)
    assert labels.tolist() == [1, -1, -1, 0]


def test_a_point_hits_the_whole_finding_and_names_one_that_counts_first():
    cyst = circle(0, 2, 20, finding_id="cyst", positive=False)
    mass, other = circle(0, 0, 10, finding_id="mass"), circle(0, 9, 5, finding_id="other")
    hit = finding_hit(0, [1, 9.9, -9.9, 15, 30], [cyst, mass, other], RULE)
    assert hit.tolist() == ["mass", "other", "mass", "cyst", ""]
    assert finding_at(0, [-9.9], [mass], RULE).tolist() == [""]  # beyond its inner share
    assert finding_hit([1.0, 2.0], [0.0, 0.0], [], RULE).tolist() == ["", ""]


def test_inside_and_on_the_edge_of_a_polygon_is_positive():
    labels = label_points([5, 0, 10, 11, 30, 30.1], [5, 0, 5, 5, 5, 5], [polygon(SQUARE)], RULE)
    assert labels.tolist() == [1, 1, 1, -1, -1, 0]


def test_a_small_polygon_counts_as_a_disc_around_its_centroid():
    tiny = polygon([[10, 10], [10, 12], [12, 12], [12, 10]])
    labels = label_points([11, 15, 15.1, 35, 35.1], 11, [tiny], RULE)
    assert labels.tolist() == [1, 1, -1, -1, 0]


def test_a_long_thin_polygon_counts_with_its_whole_length_and_the_disc():
    line = polygon([[0, 0], [0, 40]])
    labels = label_points([0, 0, 4, 4, 25], [0, 40, 20, 0, 20], [line], RULE)
    assert labels.tolist() == [1, 1, 1, -1, 0]


def test_every_part_of_an_outline_counts():
    parts = Outline("p", "mass", "benign", True, polygons=(SQUARE, SQUARE + np.array([0, 100])))
    assert label_points(5, [5, 30, 31, 105], [parts], RULE).tolist() == [1, -1, 0, 1]


def test_findings_that_do_not_count_are_ignored_and_never_positive():
    labels = label_points(0, [0, 30, 31], [circle(0, 0, 10, positive=False)], RULE)
    assert labels.tolist() == [-1, -1, 0]


@pytest.mark.parametrize("order", [1, -1])
def test_positive_wins_over_ignored_in_any_order(order):
    outlines = [circle(0, 0, 10, positive=False), circle(0, 5, 10, finding_id="d")][::order]
    assert label_points(0, [0, -8, 13], outlines, RULE).tolist() == [1, -1, 1]


def test_without_outlines_everything_is_negative():
    assert label_points([[1.0], [2.0]], [1.0, 2.0, 3.0], [], RULE).tolist() == [
        [0, 0, 0],
        [0, 0, 0],
    ]


def test_a_label_does_not_depend_on_the_other_points_nor_on_the_order_of_the_outlines():
    rng = np.random.default_rng(0)
    outlines = [circle(*rng.uniform(0, 200, 2), 12, finding_id=f"c{i}") for i in range(3)]
    outlines += [
        polygon(rng.uniform(0, 200, 2) + rng.uniform(-25, 25, (9, 2)), finding_id=f"p{i}")
        for i in range(3)
    ]
    outlines.append(circle(100, 100, 20, finding_id="x", positive=False))
    rows, cols = np.arange(60) * 4 - 0.5, np.arange(50) * 4 - 0.5
    grid = label_points(rows[:, None], cols[None, :], outlines, RULE)
    assert {-1, 0, 1} == set(np.unique(grid))
    np.testing.assert_array_equal(
        grid, label_points(rows[:, None], cols[None, :], outlines[::-1], RULE)
    )
    i, j = rng.integers(0, 60, 300), rng.integers(0, 50, 300)
    np.testing.assert_array_equal(grid[i, j], label_points(rows[i], cols[j], outlines, RULE))
    one_by_one = [label_points(rows[a], cols[b], outlines, RULE) for a, b in zip(i, j, strict=True)]
    np.testing.assert_array_equal(grid[i, j], one_by_one)


def test_every_positive_point_has_a_finding_and_no_other_point_has_one():
    outlines = [circle(30, 30, 20), polygon(SQUARE + 40), circle(90, 90, 9, positive=False)]
    rows, cols = np.arange(0.0, 120, 3)[:, None], np.arange(0.0, 120, 3)
    ids = finding_at(rows, cols, outlines, RULE)
    np.testing.assert_array_equal(ids != "", label_points(rows, cols, outlines, RULE) == 1)
    assert set(ids.ravel()) == {"", "c", "p"}


@pytest.mark.parametrize("order", [1, -1])
def test_where_outlines_overlap_the_nearest_centre_names_the_finding(order):
    outlines = [circle(0, 0, 10, finding_id="a"), circle(0, 6, 10, finding_id="b")][::order]
    assert finding_at(0, [0, 2, 3, 4, 20], outlines, RULE).tolist() == ["a", "a", "a", "b", ""]


def test_a_hit_is_anywhere_in_the_full_outline_that_counts_as_at_least_the_smallest_radius():
    assert RULE.hits(circle(0, 0, 10), 0, [9.9, 10, 10.1]).tolist() == [True, True, False]
    assert RULE.hits(circle(0, 0, 1), 0, [4, 4.1]).tolist() == [True, False]
    assert RULE.hits(polygon(SQUARE), [[5.0]], [5.0, 10.5]).tolist() == [[True, False]]


def test_the_lengths_of_the_rule_are_millimetres():
    settings = LabelSettings(min_radius_mm=4, circle_share=0.8, ignore_mm=9.6)
    assert LabelRule.from_settings(settings, 0.2) == LabelRule(20, 0.8, 48)


@pytest.mark.parametrize("flipped", [False, True])
def test_labels_are_the_same_in_original_and_in_standard_pixels(flipped):
    geometry = Geometry(400, 400, 100, 120, 10, 20, 2.0, 2.0, flipped, 0.2)
    triangle = [[150.0, 40.0], [190.0, 60.0], [160.0, 99.0]]
    outlines = [circle(100.0, 120.0, 30.0), polygon(triangle)]
    identity = Geometry(400, 400, 400, 400, 0, 0, 1.0, 1.0, False, 0.1)
    rng = np.random.default_rng(3)
    rows, cols = rng.uniform(0, 100, 500), rng.uniform(0, 120, 500)
    settings = LabelSettings()
    standard = label_points(
        rows, cols, standard_outlines(outlines, geometry), LabelRule.from_settings(settings, 0.2)
    )
    original = label_points(
        *geometry.to_original(rows, cols),
        standard_outlines(outlines, identity),
        LabelRule.from_settings(settings, 0.1),
    )
    assert {-1, 0, 1} == set(np.unique(standard))
    np.testing.assert_array_equal(standard, original)


def test_distance_from_a_polygon_agrees_with_opencv():
    rng = np.random.default_rng(5)
    angle = np.sort(rng.uniform(0, 2 * np.pi, 25))
    star = np.stack([np.sin(angle), np.cos(angle)], 1) * rng.uniform(20, 60, (25, 1)) + 100
    points = rng.uniform(0, 200, (400, 2))
    contour = star[:, None, ::-1].astype(np.float32)
    signed = [cv2.pointPolygonTest(contour, (float(c), float(r)), True) for r, c in points]
    expected = np.maximum(-np.array(signed), 0)
    assert (expected == 0).sum() > 20
    found = distance_to_polygon(points[:, 0], points[:, 1], star)
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_distance_from_a_point_and_from_a_line():
    rows, cols = np.array([0.0, 3.0]), np.array([0.0, 4.0])
    assert distance_to_polygon(rows, cols, np.array([[0.0, 0.0]])).tolist() == [0.0, 5.0]
    line = np.array([[0.0, 0.0], [0.0, 4.0]])
    assert distance_to_polygon(rows, cols, line).tolist() == [0.0, 3.0]


@pytest.mark.parametrize("reverse", [1, -1])
def test_area_and_centroid_do_not_depend_on_the_direction(reverse):
    assert area_and_centroid(SQUARE[::reverse] + 1000) == (100.0, (1005.0, 1005.0))
