import numpy as np
import pytest
from scipy import ndimage

from pipeline.annotations.geometry import Geometry
from pipeline.model.map_grid import (
    breast_positions,
    finish_map,
    finite_positions,
    map_level,
    smooth_map,
)
from pipeline.preprocess.breast.original_masks import original_breast
from pipeline.preprocess.positions import position_grid
from tests.model.rules import a_rule


def test_the_breast_is_widened_by_one_step():
    breast = np.zeros((5, 5), bool)  # cells of 8 x 8 pixels
    breast[2, 2] = True  # pixels 16 ... 23
    finite = finite_positions(breast, height=40, width=40, pitch_px=8)  # at -0.5, 7.5, 15.5 ...
    assert finite.shape == (6, 6)
    # 15.5 and 23.5 are its edges; 7.5 is a whole step away from pixel 16, so not within it.
    assert np.argwhere(finite).tolist() == [[2, 2], [2, 3], [3, 2], [3, 3]]


@pytest.mark.parametrize("pitch_px", [4, 8, 12, 16, 32])
def test_every_breast_pixel_lies_between_four_finite_positions(pitch_px):
    rng = np.random.default_rng([0, pitch_px])
    height, width = 203, 117
    breast = rng.random((26, 15)) < 0.05
    finite = finite_positions(breast, height=height, width=width, pitch_px=pitch_px)
    pixels = np.kron(breast, np.ones((8, 8), bool))[:height, :width]
    rows, cols = np.nonzero(pixels)
    for down in (0, 1):
        for right in (0, 1):
            assert finite[rows // pitch_px + down, cols // pitch_px + right].all()


def test_positions_away_from_the_breast_are_not_finite():
    breast = np.zeros((26, 15), bool)
    breast[:3] = True  # pixels 0 ... 23
    finite = finite_positions(breast, height=203, width=117, pitch_px=16)
    assert finite[:3].all()  # at -0.5, 15.5 and 31.5
    assert not finite[3:].any()


@pytest.mark.parametrize("pitch_px", [4, 8, 12, 16])
def test_positions_of_the_breast_lie_in_the_mask_that_the_run_shows(pitch_px):
    height, width = 203, 117
    breast = np.hypot(np.arange(26)[:, None] - 12, np.arange(15) - 0) < 11
    inside = breast_positions(breast, height=height, width=width, pitch_px=pitch_px)
    finite = finite_positions(breast, height=height, width=width, pitch_px=pitch_px)
    assert not (inside & ~finite).any()
    assert (finite & ~inside).any()
    shown = original_breast(
        breast, Geometry(height, width, height, width, 0, 0, 1.0, 1.0, False, 0.2)
    )
    rows, cols = position_grid(height, width, pitch_px)
    for row, col in np.argwhere(inside):
        for half in (-0.5, 0.5):
            pixel = [
                int(np.clip(at + half, 0, size - 1))
                for at, size in ((rows[row], height), (cols[col], width))
            ]
            assert shown[tuple(pixel)] == 255
    # Only the edge is lost: a step away from it all positions are there.
    deep = ndimage.binary_erosion(finite, np.ones((5, 5)), border_value=0)
    assert inside[deep].all()
    # The chest wall is no edge.
    assert inside[:, 0].any()


def test_positions_beyond_the_image_are_not_in_the_breast():
    inside = breast_positions(np.ones((26, 15), bool), height=203, width=117, pitch_px=4)
    assert inside[:51, :30].all()
    assert not inside[51].any()  # at 203.5, beyond 202.5
    assert not inside[:, 30].any()  # at 119.5, beyond 116.5


def test_smoothing_is_a_mean_over_the_breast_alone():
    values = np.full((7, 9), 2.0, np.float32)
    finite = np.zeros((7, 9), bool)
    finite[:, :5] = True
    values[:, 5:] = -50.0  # as a network has it in the air
    smooth = smooth_map(values, finite, sigma_cells=1.0)
    assert smooth.dtype == np.float32
    # An even breast stays even, up to its edge.
    np.testing.assert_allclose(smooth[finite], 2.0, rtol=1e-6)
    assert (smooth[~finite] == -50.0).all()


def test_a_single_peak_is_spread_as_a_gaussian_and_none_is_the_map_itself():
    values = np.zeros((15, 15))
    values[7, 7] = 1.0
    finite = np.ones((15, 15), bool)
    smooth = smooth_map(values, finite, sigma_cells=1.0)
    assert smooth[7, 8] / smooth[7, 7] == pytest.approx(np.exp(-0.5), rel=1e-3)
    assert smooth.sum() == pytest.approx(1.0, rel=1e-3)
    assert smooth_map(values, finite, sigma_cells=0.0) is values


def test_a_share_of_the_level_is_taken_off_the_breast():
    # Eleven positions: the 10th percentile is the second, the 40th the fifth.
    breast = [0.0, 5.0, 5.0, 5.5, 6.0, 6.5, 6.5, 7.0, 8.0, 9.0, 50.0]
    values = np.float32([breast, [90.0] * 11])
    finite = np.array([[True] * 11, [False] * 11])
    assert map_level(values, finite) == 7.0
    lowered = finish_map(values, finite, a_rule(level_share=0.5, level=3.0))
    np.testing.assert_array_equal(lowered[0], np.float32(breast) - 2.0)
    assert lowered.dtype == np.float32
    # The usual level changes nothing, and without a share any level does.
    own = np.where(finite, values, np.nan)
    for rule in (a_rule(level_share=0.5, level=7.0), a_rule(level=3.0)):
        np.testing.assert_array_equal(finish_map(values, finite, rule), own)


def test_a_finding_that_fills_a_fifth_of_the_breast_moves_the_level_little():
    values = np.random.default_rng(0).normal(size=(50, 50))
    finite = np.ones((50, 50), bool)
    free, upper = map_level(values, finite), np.quantile(values, 0.75)
    assert free == pytest.approx(upper, abs=0.15)
    values[:10] = 10.0
    assert map_level(values, finite) - free < 0.5
    assert np.quantile(values, 0.75) - upper > 0.7


def test_without_a_breast_there_is_no_level():
    values, nothing = np.ones((2, 2), np.float32), np.zeros((2, 2), bool)
    assert np.isnan(map_level(values, nothing))
    assert np.isnan(finish_map(values, nothing, a_rule(level_share=1.0))).all()
