"""The surface of the air and the noise on it."""

import numpy as np
import pytest

from pipeline.preprocess.breast.air import LEAST_NOISE, measure_air


def film(*, noise=0.0, glow=0.0):
    """Air that slopes in both directions, a breast with a faint rim, a glowing corner."""
    rows, cols = np.mgrid[:240, :200]
    level = 0.05 + 0.04 * rows / 240 - 0.02 * (cols / 200) ** 2
    depth = 90 - np.hypot(rows - 120, cols)
    smooth = level + np.clip(depth / 100, 0, 0.6)
    smooth += noise * np.random.default_rng(0).standard_normal(smooth.shape)
    smooth[:40, 160:] += glow
    return smooth, level, depth > 25


@pytest.mark.parametrize("noise", [0.0, 0.004])
def test_a_slope_and_a_bend_of_the_air_are_followed_below_the_breast_too(noise):
    smooth, level, core = film(noise=noise)
    air = measure_air(smooth, core, bright=0.3, spacing_mm=0.8)
    assert air.seen
    assert np.abs(air.level - level).max() < 0.006
    assert air.noise == pytest.approx(max(noise, LEAST_NOISE), rel=0.3)


def test_glow_in_a_corner_does_not_lift_the_air():
    smooth, level, core = film(noise=0.002, glow=0.05)
    air = measure_air(smooth, core, bright=0.3, spacing_mm=0.8)
    assert np.abs(air.level - level)[60:].max() < 0.006


def test_without_film_beside_the_breast_the_air_is_the_minimum_and_is_not_seen():
    smooth = np.full((50, 50), 0.6)
    smooth[0, 0] = 0.1
    air = measure_air(smooth, np.ones((50, 50), bool), bright=0.3, spacing_mm=0.8)
    assert not air.seen
    assert air.level == pytest.approx(0.1)
