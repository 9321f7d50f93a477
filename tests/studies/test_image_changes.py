"""Changed images, and maps of them read at the positions of the image itself."""

import numpy as np
import pytest

from pipeline.studies.image_changes import (
    UNCHANGED,
    ChangedMapper,
    blurred,
    image_changes,
    noisy,
    resampled,
    through_jpeg,
    turned,
    with_contrast,
    with_gamma,
)
from tests.heatmap.small_run import BrightnessNetwork
from tests.model.rules import a_rule

CHANGES = image_changes(spacing_mm=0.2, seed=0)
MOVING = [name for name in CHANGES if name.startswith(("resampled", "turned"))]


def image_of(height: int, width: int) -> np.ndarray:
    """Noise in the 16 bits of the store."""
    grey = np.random.default_rng(3).integers(0, 65536, (height, width))
    return grey.astype(np.float32) * np.float32(1 / 65535)


def blob(height: int, width: int, row: float, col: float, sigma: float) -> np.ndarray:
    rows, cols = np.ogrid[:height, :width]
    return np.exp(-((rows - row) ** 2 + (cols - col) ** 2) / (2 * sigma**2)).astype(np.float32)


def mapped(image: np.ndarray, name: str) -> np.ndarray:
    return ChangedMapper(BrightnessNetwork(), CHANGES[name])(image, a_rule(4))[0]


def test_what_is_asked_for_is_there_and_the_unchanged_comes_first():
    assert list(CHANGES) == [
        *("unchanged", "gamma 0.8", "gamma 1.25", "contrast times 0.8", "contrast times 1.25"),
        *("blurred by 0.2 mm", "noise of 2%", "JPEG of quality 50"),
        *("resampled by 0.8", "resampled by 1.25", "turned by +5 degrees", "turned by -5 degrees"),
    ]


def test_the_unchanged_is_mapped_as_it_is_to_the_last_bit():
    image = image_of(101, 67)
    np.testing.assert_array_equal(
        mapped(image, UNCHANGED), BrightnessNetwork()(image, a_rule(4))[0]
    )


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_leaves_its_input_and_gives_a_network_what_a_store_could(name):
    image = image_of(50, 40)
    before, seen = image.copy(), []

    class Looks(BrightnessNetwork):
        def __call__(self, image, rule):
            seen.append(image)
            return super().__call__(image, rule)

    logits, spread = ChangedMapper(Looks(), CHANGES[name])(image, a_rule(4))
    np.testing.assert_array_equal(image, before)
    assert logits.shape == (14, 11) and spread is None
    assert (seen[0].dtype, seen[0].min() >= 0, seen[0].max() <= 1) == (np.float32, True, True)
    np.testing.assert_allclose(seen[0] * 65535, np.rint(seen[0] * 65535), atol=0.01)
    assert name == UNCHANGED or seen[0].shape != image.shape or (seen[0] != image).any()


@pytest.mark.parametrize("name", MOVING)
def test_a_place_of_the_image_is_found_where_the_change_has_moved_it(name):
    changed = CHANGES[name](blob(120, 80, 30, 55, 3.0))
    row, col = changed.places @ (30, 55, 1)
    peak = np.unravel_index(changed.pixels.argmax(), changed.pixels.shape)
    assert np.hypot(peak[0] - row, peak[1] - col) < 1
    assert 0.9 < changed.pixels.max() < 1.1


@pytest.mark.parametrize("name", MOVING)
def test_the_map_of_a_moved_image_lies_on_the_positions_of_the_image(name):
    smooth = blob(240, 160, 60, 110, 25.0)
    difference = mapped(smooth, name) - mapped(smooth, UNCHANGED)
    # Logits of this network go over 20; a position off would be up to 2.
    assert np.abs(difference[1:-2, 1:-2]).max() < 0.4


def test_turning_is_anticlockwise_and_keeps_all_of_the_image():
    changed = turned(blob(101, 61, 10, 30, 2.0), degrees=90)
    assert changed.pixels.shape == (61, 101)
    assert np.unravel_index(changed.pixels.argmax(), (61, 101)) == (30, 10)  # upper goes left
    corners = [(r, c, 1) for r in (0, 100) for c in (0, 60)]
    tilted = turned(np.zeros((101, 61), np.float32), degrees=5)
    places = np.array([tilted.places @ corner for corner in corners])
    assert (places >= -0.5).all() and (places <= np.array(tilted.pixels.shape) - 0.5).all()


def test_resampling_keeps_the_edges():
    changed = resampled(np.zeros((10, 21), np.float32), factor=0.8)
    assert changed.pixels.shape == (8, 17)
    np.testing.assert_allclose(changed.places @ (-0.5, -0.5, 1), (-0.5, -0.5))
    np.testing.assert_allclose(changed.places @ (9.5, 20.5, 1), (7.5, 16.5))


def test_grey_values_change_as_they_say():
    image = np.array([[0.0, 0.2, 0.4], [0.0, 0.6, 0.8]], np.float32)
    np.testing.assert_allclose(with_gamma(image, exponent=2)[0], [0, 0.04, 0.16], atol=1e-6)
    # The mean of what is not black, 0.5, stays.
    wanted = [[-0.5, -0.1, 0.3], [-0.5, 0.7, 1.1]]
    np.testing.assert_allclose(with_contrast(image, factor=2), wanted, atol=1e-6)
    black = np.zeros((3, 3), np.float32)
    np.testing.assert_array_equal(with_contrast(black, factor=2), black)
    flat = np.full((40, 40), 0.5, np.float32)
    assert noisy(flat, sd=0.02, seed=0).std() == pytest.approx(0.02, rel=0.1)
    noise = image_of(40, 40)
    assert blurred(noise, sigma_px=1.0).std() < 0.5 * noise.std()
    np.testing.assert_allclose(through_jpeg(flat, quality=50), 128 / 255, atol=0.005)
    assert np.abs(through_jpeg(noise, quality=50) - noise).max() > 0.1


def test_noise_is_that_of_its_seed_and_image_whatever_came_before():
    one, other = image_of(30, 30), image_of(31, 30)
    first = noisy(one, sd=0.1, seed=0)
    noisy(other, sd=0.1, seed=0)
    np.testing.assert_array_equal(noisy(one, sd=0.1, seed=0), first)
    assert (noisy(one, sd=0.1, seed=1) != first).any()
    lighter = one + np.float32(0.1)
    assert np.abs(noisy(lighter, sd=0.1, seed=0) - lighter - (first - one)).max() > 0.05
