"""What holds for every geometry and every polygon."""

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.annotations.geometry import Geometry
from pipeline.annotations.outlines import Circle, Outline
from pipeline.annotations.polygon import area_and_centroid, distance_to_polygon, hull_area

EACH = settings(max_examples=40, derandomize=True, deadline=None)
SIZES = st.integers(30, 5000)
SHARES = st.floats(0, 1, allow_nan=False)
PLACES = st.lists(st.tuples(SHARES, SHARES), min_size=3, max_size=9, unique=True)


@st.composite
def geometries(draw) -> Geometry:
    """Any crop of an image, resampled and mirrored or not."""
    size = draw(SIZES), draw(SIZES)
    start = [draw(st.integers(0, n - 20)) for n in size]
    box = [draw(st.integers(10, n - first)) for n, first in zip(size, start, strict=True)]
    scale = draw(st.floats(0.3, 4))
    height, width = (max(round(n / scale), 1) for n in box)
    return Geometry(
        original_height=size[0],
        original_width=size[1],
        height=height,
        width=width,
        row0=start[0],
        col0=start[1],
        row_scale=box[0] / height,
        col_scale=box[1] / width,
        flipped=draw(st.booleans()),
        spacing_mm=0.1,
    )


def points_of(places, geometry: Geometry) -> np.ndarray:
    """Shares of the image as original pixels, (n, 2)."""
    return np.array(places) * [geometry.original_height - 1, geometry.original_width - 1]


@EACH
@given(geometries(), PLACES)
def test_there_and_back_is_where_it_was(geometry, places):
    rows, cols = points_of(places, geometry).T
    again = geometry.to_original(*geometry.to_standard(rows, cols))
    np.testing.assert_allclose(again, (rows, cols), atol=1e-6)


@EACH
@given(geometries())
def test_the_corners_of_the_box_are_those_of_the_standard_image(geometry):
    rows, cols = geometry.box
    edges = np.array([rows.start, rows.stop]) - 0.5, np.array([cols.start, cols.stop]) - 0.5
    standard_rows, standard_cols = geometry.to_standard(*edges)
    np.testing.assert_allclose(standard_rows, [-0.5, geometry.height - 0.5], atol=1e-6)
    expected = [-0.5, geometry.width - 0.5][:: -1 if geometry.flipped else 1]
    np.testing.assert_allclose(standard_cols, expected, atol=1e-6)


@EACH
@given(geometries(), PLACES)
def test_an_outline_keeps_its_area_in_pixels_of_the_original(geometry, places):
    points = points_of(places, geometry)
    outline = Outline("a", "mass", "benign", True, polygons=(points,)).to_standard(geometry)
    (standard,) = outline.polygons
    area, _ = area_and_centroid(standard)
    expected, centre = area_and_centroid(points)
    per_pixel = geometry.row_scale * geometry.col_scale
    # Far from the origin an area is a difference of large numbers.
    assert abs(area * per_pixel - expected) <= 1e-6 * max(hull_area(points), 1)
    disc = Outline("a", "mass", "benign", True, circle=Circle(*centre, 7.0)).to_standard(geometry)
    assert abs(disc.circle.radius**2 * per_pixel - 49) < 1e-6


@EACH
@given(PLACES, st.integers(0, 8), st.booleans())
def test_an_area_does_not_depend_on_where_a_line_begins_and_which_way_it_goes(
    places, start, backwards
):
    points = np.array(places) * [400, 300]
    other = np.roll(points, start, axis=0)[:: -1 if backwards else 1]
    area, centre = area_and_centroid(points)
    again, other_centre = area_and_centroid(other)
    assert abs(area - again) < 1e-6
    if area > 1:
        np.testing.assert_allclose(centre, other_centre, atol=1e-3)


@EACH
@given(st.lists(st.tuples(st.integers(0, 59), st.integers(0, 79)), min_size=3, max_size=8))
def test_inside_is_what_is_drawn(corners):
    points = np.array(corners, np.float64)
    rows, cols = np.mgrid[:60, :80]
    apart = distance_to_polygon(rows.ravel() * 1.0, cols.ravel() * 1.0, points).reshape(60, 80)
    drawn = np.zeros((60, 80), np.uint8)
    cv2.fillPoly(drawn, [points[:, ::-1].astype(np.int32)], 1)  # even-odd, lines included
    # OpenCV draws the lines as pixels, which lie up to a pixel beside them.
    assert (drawn[apart == 0] == 1).all()
    assert (apart[drawn == 1] <= 1).all()
