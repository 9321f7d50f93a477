"""Coordinates between the DICOM image and the standardised mammogram."""

import cv2
import numpy as np
import pytest

from pipeline.annotations.geometry import Geometry, geometry_of


def geometry(*, flipped: bool, height: int = 100, width: int = 60) -> Geometry:
    """Box of 251 x 149 pixels from (7, 11) on, resampled to height x width."""
    return Geometry(
        original_height=300,
        original_width=200,
        height=height,
        width=width,
        row0=7,
        col0=11,
        row_scale=251 / height,
        col_scale=149 / width,
        flipped=flipped,
        spacing_mm=0.1,
    )


@pytest.mark.parametrize("flipped", [False, True])
def test_coordinates_survive_the_round_trip(flipped):
    rng = np.random.default_rng([1, flipped])
    rows, cols = rng.uniform(-50, 350, (2, 40, 5))
    there = geometry(flipped=flipped).to_standard(rows, cols)
    back = geometry(flipped=flipped).to_original(*there)
    np.testing.assert_allclose(back, (rows, cols), rtol=0, atol=1e-9)


def test_the_edges_of_the_standard_image_are_the_edges_of_the_box():
    plain, mirrored = geometry(flipped=False), geometry(flipped=True)
    np.testing.assert_allclose(
        plain.to_original([-0.5, 99.5], [-0.5, 59.5]), [[6.5, 257.5], [10.5, 159.5]]
    )
    np.testing.assert_allclose(
        mirrored.to_original([-0.5, 99.5], [-0.5, 59.5]), [[6.5, 257.5], [159.5, 10.5]]
    )


def test_without_resampling_pixels_map_to_pixels():
    same = geometry(flipped=False, height=251, width=149)
    assert [float(v) for v in same.to_original(0, 0)] == [7.0, 11.0]
    mirrored = geometry(flipped=True, height=251, width=149)
    assert [float(v) for v in mirrored.to_original(0, 0)] == [7.0, 159.0]


@pytest.mark.parametrize("flipped", [False, True])
@pytest.mark.parametrize(("height", "width"), [(100, 60), (251, 149), (502, 298)])
def test_a_blob_is_found_at_the_mapped_coordinate_of_the_resampled_image(flipped, height, width):
    transform = geometry(flipped=flipped, height=height, width=width)
    row, col = 120.3, 71.8
    grid_rows, grid_cols = np.mgrid[0:300, 0:200]
    blob = np.exp(-((grid_rows - row) ** 2 + (grid_cols - col) ** 2) / (2 * 6.0**2))
    box = blob.astype(np.float32)[7 : 7 + 251, 11 : 11 + 149]
    if flipped:
        box = box[:, ::-1]
    shrinks = height <= 251
    way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    standard = cv2.resize(np.ascontiguousarray(box), (width, height), interpolation=way)
    weights = standard.astype(np.float64)
    weights[weights < 1e-3] = 0
    rows, cols = np.mgrid[0:height, 0:width]
    found = (rows * weights).sum() / weights.sum(), (cols * weights).sum() / weights.sum()
    np.testing.assert_allclose(found, transform.to_standard(row, col), atol=0.05)
    np.testing.assert_allclose(transform.to_original(*found), (row, col), atol=0.15)


def test_geometry_is_read_from_a_row_of_the_table():
    row = {
        "image_id": "a",
        "original_height": 300,
        "original_width": 200,
        "height": 100,
        "width": 60,
        "row0": 7,
        "col0": 11,
        "row_scale": 251 / 100,
        "col_scale": 149 / 60,
        "flipped": np.True_,
        "spacing_mm": 0.1,
        "original_spacing_mm": 0.04,
    }
    assert geometry_of(row) == geometry(flipped=True)
