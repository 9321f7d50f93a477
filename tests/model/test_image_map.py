"""Maps: their coordinates, their border, their file."""

import numpy as np
import pytest

from pipeline.model.calibration import Calibration
from pipeline.model.image_map import (
    ImageMap,
    map_key,
    map_mammogram,
    original_axes,
    read_map,
    write_map,
)
from pipeline.model.map_grid import map_level, smooth_map
from pipeline.preprocess.store.entries import write_entry
from tests.heatmap.small_run import MARK, BrightnessNetwork, mammogram_row, write_store_entry
from tests.model.rules import a_rule

CALIBRATION = Calibration(training_prior=0.5, natural_prior=0.02, temperature=1.0)


def map_of(row, pitch_px=4, **rule) -> ImageMap:
    return map_mammogram(row, BrightnessNetwork(), a_rule(pitch_px, **rule), CALIBRATION)


@pytest.mark.parametrize("flipped", [False, True])
def test_the_middle_of_the_hot_area_is_the_mark_in_the_original(tmp_path, flipped):
    write_store_entry(tmp_path / "a", flipped=flipped)
    row = mammogram_row("a", tmp_path / "a", flipped=flipped)
    image_map = map_of(row, pitch_px=2)
    rows, cols = np.nonzero(image_map.probability > 0.5)
    # Positions are 2 x 2 = 4 original pixels apart, and the mark has no position in its centre.
    assert abs(image_map.rows[rows].mean() - MARK[0]) <= 2
    assert abs(image_map.cols[cols].mean() - MARK[1]) <= 2


def test_a_smoothed_map_is_the_smooth_one_of_its_logits(tmp_path):
    write_store_entry(tmp_path / "a", flipped=False)
    row = mammogram_row("a", tmp_path / "a", flipped=False)
    plain = map_of(row)
    smooth = map_of(row, smooth_cells=0.8)
    finite = np.isfinite(plain.logit)
    expected = smooth_map(plain.logit, finite, sigma_cells=0.8)
    np.testing.assert_array_equal(smooth.logit, expected)
    assert np.nanmax(smooth.logit) < np.nanmax(plain.logit)
    np.testing.assert_array_equal(smooth.probability, CALIBRATION.probability(expected))


def test_a_map_is_brought_to_the_level_of_a_usual_one(tmp_path):
    write_store_entry(tmp_path / "a", flipped=False)
    row = mammogram_row("a", tmp_path / "a", flipped=False)
    plain = map_of(row)
    brought = map_of(row, level_share=0.5, level=2.0)
    off = 0.5 * (map_level(plain.logit, np.isfinite(plain.logit)) - 2.0)
    np.testing.assert_allclose(brought.logit, plain.logit - off, rtol=1e-6)


@pytest.mark.parametrize("flipped", [False, True])
@pytest.mark.parametrize("scale", [0.5, 2.0, 1.237])
def test_map_coordinates_are_those_of_the_geometry(flipped, scale):
    row = mammogram_row(
        "a", "nowhere", flipped=flipped, row_scale=scale, col_scale=scale, row0=7, col0=11
    )
    rows, cols = original_axes(row, pitch_px=16)
    assert rows.dtype == cols.dtype == np.float64
    assert len(rows) == 8 and len(cols) == 6  # 100 and 80 pixels
    # The first position is the outer edge of the box; mirrored, that is its right edge.
    assert rows[0] == pytest.approx(7 - 0.5)
    assert cols[0] == pytest.approx(11 - 0.5 + (80 * scale if flipped else 0))
    np.testing.assert_allclose(np.diff(rows), 16 * scale)
    np.testing.assert_allclose(np.diff(cols), -16 * scale if flipped else 16 * scale)


def test_a_map_is_finite_within_one_step_of_the_breast_and_nowhere_else(tmp_path):
    breast = np.zeros((13, 10), bool)
    breast[:, :3] = True  # columns 0 ... 23
    write_entry(tmp_path / "a", image=np.zeros((100, 80), np.uint16), breast=breast, info={})
    image_map = map_of(mammogram_row("a", tmp_path / "a"), pitch_px=16)
    assert image_map.logit.shape == image_map.probability.shape == (8, 6)
    finite = np.isfinite(image_map.probability)
    np.testing.assert_array_equal(finite, np.isfinite(image_map.logit))
    assert finite[:, :3].all() and not finite[:, 3:].any()


def test_probability_is_the_calibrated_logit_in_float32():
    logit = np.array([[0.0, np.nan]], np.float32)
    probability = CALIBRATION.probability(logit)
    assert probability.dtype == np.float32
    # The logit 0 of balanced training is the natural prior.
    assert probability[0, 0] == pytest.approx(0.02, rel=1e-5)
    assert np.isnan(probability[0, 1])


def test_a_map_file_has_the_promised_arrays_and_reads_back(tmp_path):
    image_map = ImageMap(
        logit=np.float32([[1, np.nan]]),
        probability=np.float32([[0.25, np.nan]]),
        rows=np.array([3.5]),
        cols=np.array([9.5, 7.5]),
    )
    path = tmp_path / "a.npz"
    write_map(path, image_map, key="abc")
    with np.load(path) as file:
        assert file["probability"].dtype == np.float32
        assert file["rows"].dtype == file["cols"].dtype == np.float64
        assert file["probability"].shape == (len(file["rows"]), len(file["cols"]))
    again = read_map(path)
    np.testing.assert_array_equal(again.probability, image_map.probability)
    np.testing.assert_array_equal(again.cols, [9.5, 7.5])
    assert map_key(path) == "abc"
    assert map_key(tmp_path / "missing.npz") == ""
