"""What counts as background, and that no tissue gets into it."""

import numpy as np
import pytest

from pipeline.config import ImageSettings
from pipeline.preprocess.audit.background import BACKGROUND_KEYS, background_statistics
from pipeline.preprocess.store.standardise import standardise
from tests.preprocess.films import film_mammogram

HEIGHT, WIDTH, SPACING_MM = 300, 240, 0.4


def film() -> tuple[np.ndarray, np.ndarray]:
    """Air of 0.1 with a breast of 0.5 on the left, and its mask at half the size."""
    rows, cols = np.mgrid[:HEIGHT, :WIDTH]
    breast = np.hypot((rows - 150) / 100, cols / 120) < 1
    return np.where(breast, 0.5, 0.1).astype(np.float32), breast[::2, ::2]


def statistics(pixels, breast, *, mirrored=False):
    return background_statistics(pixels, breast, spacing_mm=SPACING_MM, mirrored=mirrored)


def test_the_keys_are_fixed_and_the_values_are_finite_floats():
    for breast in (film()[1], np.ones((150, 120), bool)):
        known = statistics(film()[0], breast)
        assert tuple(known) == BACKGROUND_KEYS
        assert all(type(value) is float and np.isfinite(value) for value in known.values())


def test_tissue_changes_nothing():
    pixels, breast = film()
    other = np.where(pixels > 0.3, np.float32(0.9), pixels)
    assert statistics(other, breast) == statistics(pixels, breast)


def test_nothing_within_6_mm_of_the_breast_counts():
    pixels, breast = film()
    rows, cols = np.mgrid[:HEIGHT, :WIDTH]
    reach_px = 5.0 / SPACING_MM
    pixels[np.hypot((rows - 150) / (100 + reach_px), cols / (120 + reach_px)) < 1] = 0.9
    assert statistics(pixels, breast)["air_highest"] == pytest.approx(0.1)


def test_even_air_is_described_as_even():
    known = statistics(*film())
    assert known["air_mean"] == known["air_q50"] == known["far_mean"] == pytest.approx(0.1)
    assert known["air_sd"] == known["air_grain"] == pytest.approx(0, abs=1e-7)
    assert known["air_share_lowest"] == known["air_share_highest"] == 1.0


def test_noise_is_seen_as_grain():
    pixels, breast = film()
    noise = np.random.default_rng(0).normal(0, 0.01, pixels.shape)
    assert statistics((pixels + noise).astype(np.float32), breast)["air_grain"] > 0.005


@pytest.mark.parametrize(
    ("side", "where"),
    [
        ("top", np.s_[:12]),
        ("bottom", np.s_[-12:]),
        ("chest", np.s_[:, :12]),
        ("far", np.s_[:, -12:]),
    ],
)
def test_a_bright_border_is_told_by_its_strip(side, where):
    pixels, breast = film()
    before = statistics(pixels, breast)
    pixels[where] = 1.0
    after = statistics(pixels, breast)
    changed = {
        s: after[f"{s}_mean"] - before[f"{s}_mean"] for s in ("top", "bottom", "chest", "far")
    }
    assert max(changed, key=changed.get) == side
    assert changed[side] == pytest.approx(0.9, abs=0.02)


def test_a_mirrored_film_tells_the_same():
    pixels, breast = film()
    pixels[:, -12:] = 1.0
    mirrored = statistics(pixels[:, ::-1], breast[:, ::-1], mirrored=True)
    assert mirrored["far_mean"] == pytest.approx(statistics(pixels, breast)["far_mean"], abs=0.02)


def test_a_breast_that_fills_the_image_leaves_the_air_unknown():
    known = statistics(film()[0], np.ones((150, 120), bool))
    assert known["air_known"] == 0.0 == known["air_mean"]
    assert (known["height_px"], known["width_px"], known["aspect"]) == (300, 240, 0.8)


def test_the_pixels_are_not_modified():
    pixels, breast = film()
    before = pixels.copy()
    statistics(pixels, breast, mirrored=True)
    assert np.array_equal(pixels, before)


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_standard_mammogram_has_the_background_of_its_original(mirrored):
    pixels, _ = film()
    pixels[pixels > 0.4] += np.linspace(0, 0.1, (pixels > 0.4).sum())  # no mask
    pixels[:, -12:] = 0.15
    shown = pixels[:, ::-1].copy() if mirrored else pixels
    standard = standardise(film_mammogram(shown, spacing_mm=SPACING_MM), ImageSettings())
    assert standard.background["far_mean"] == pytest.approx(0.15, abs=0.01)
    assert standard.background["chest_mean"] == pytest.approx(0.1, abs=0.01)
    assert (standard.background["height_px"], standard.background["spacing_mm"]) == (300, 0.4)
