"""The skin line: where it lies, what it leaves out, how visible it is; the air beyond it."""

import numpy as np
import pytest

from pipeline.preprocess.breast.skin import LEAST_NOISE, Air, faint_share, measure_air, skin_line

HEIGHT, WIDTH = 280, 220
SPACING_MM = 0.8
NO_FAT = np.zeros((HEIGHT, WIDTH), bool)
AIR = Air(np.full((HEIGHT, WIDTH), 0.05), 0.002, seen=True, fat=NO_FAT)


def rising(power, *, noise=0.0):
    """Tissue that rises from the skin inwards, and how deep each pixel lies, in mm."""
    rows, cols = np.mgrid[:HEIGHT, :WIDTH]
    depth = (110 - np.hypot(rows - 140, cols * 110 / 140)) * SPACING_MM
    smooth = 0.05 + 0.6 * np.clip(depth / 60, 0, 1) ** power
    return smooth + noise * np.random.default_rng(0).standard_normal(smooth.shape), depth


def line(smooth, core):
    return skin_line(smooth, smooth, core, 0.3, AIR, spacing_mm=SPACING_MM)


@pytest.mark.parametrize("power", [0.5, 1.0])
def test_the_line_lies_where_the_tissue_begins_to_rise(power):
    smooth, depth = rising(power)
    mask = line(smooth, depth > 40)
    assert depth[mask].min() > -1.5
    assert depth[~mask].max() < 2.5


def test_a_label_beside_the_breast_stays_out():
    smooth, depth = rising(0.5)
    smooth[100:130, 160:190] = 1.0
    mask = line(smooth, depth > 40)
    assert not mask[100:130, 160:190].any()
    assert depth[mask].min() > -1.5


def test_a_thin_line_that_touches_the_breast_is_cut_off():
    smooth, depth = rising(0.5)
    smooth[138:142] = np.maximum(smooth[138:142], 0.25)
    mask = line(smooth, depth > 40)
    assert depth[mask].min() > -4.5


def test_a_bright_part_near_the_breast_stays_out_though_no_air_lies_between():
    smooth, depth = rising(0.5)
    smooth[100:180, 120:] = np.maximum(smooth[100:180, 120:], 0.12)  # glow around the label
    smooth[110:170, 160:] = 1.0
    assert not line(smooth, depth > 40)[110:170, 170:].any()


def test_glow_along_the_film_edge_at_the_chest_wall_is_cut_off():
    smooth, depth = rising(0.5)
    smooth[:, :9] = np.maximum(smooth[:, :9], 0.2)
    mask = line(smooth, depth > 40)
    assert not mask[:20].any() and not mask[-20:].any()
    assert mask[140, 0]


def test_a_glowing_corner_that_the_breast_cuts_off_stays_out():
    """The breast reaches the right edge; in the corner below, all is brighter than air."""
    rows, cols = np.mgrid[:HEIGHT, :WIDTH]
    depth = (200 - np.hypot(rows - 100, cols * 200 / 225)) * SPACING_MM
    smooth = 0.05 + 0.6 * np.sqrt(np.clip(depth / 60, 0, 1))
    corner = (depth <= 0) & (rows > 100)
    smooth[corner] += 0.012
    assert corner.sum() > 1000
    mask = line(smooth, depth > 40)
    assert mask[corner].mean() < 0.05
    assert mask[depth > 2].all()


def test_a_sharp_skin_is_nowhere_faint_and_a_mask_in_the_air_is_everywhere():
    smooth, depth = rising(0.5, noise=0.002)
    assert faint_share(depth > 0, smooth, AIR, spacing_mm=SPACING_MM) < 0.05
    assert faint_share(depth > -8, smooth, AIR, spacing_mm=SPACING_MM) > 0.95


def test_the_edge_of_the_film_does_not_count_as_skin():
    smooth, _ = rising(0.5)
    assert faint_share(np.ones((HEIGHT, WIDTH), bool), smooth, AIR, spacing_mm=SPACING_MM) == 0


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
