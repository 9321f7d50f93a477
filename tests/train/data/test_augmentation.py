"""Views: the affine map says where every pixel went, and the seed says everything."""

import numpy as np
import pytest

from pipeline.train.data.augmentation import Augmenter, plain_view, source_size

SIZE = 96
WINDOW = source_size(SIZE)


@pytest.fixture(scope="module")
def augmenter():
    return Augmenter(SIZE)


def dot_window(row, col):
    """A soft dot, so that its centre can be measured to a fraction of a pixel."""
    rows, cols = np.mgrid[:WINDOW, :WINDOW]
    dot = np.exp(-((rows - row) ** 2 + (cols - col) ** 2) / (2 * 2.5**2))
    return dot.astype(np.float32)


def centre_of(image):
    weights = np.where(image > 0.3 * image.max(), image, 0.0).astype(np.float64)
    rows, cols = np.mgrid[: image.shape[0], : image.shape[1]]
    return np.array([(rows * weights).sum(), (cols * weights).sum()]) / weights.sum()


@pytest.mark.parametrize("seed", range(24))
def test_a_bright_dot_is_where_the_affine_map_says(augmenter, seed):
    middle = (WINDOW - 1) / 2
    truth = np.array([middle + 17.0, middle - 9.0])
    view = augmenter.view(dot_window(*truth), seed=seed)
    found = view.to_window @ np.append(centre_of(view.image), 1.0)
    np.testing.assert_allclose(found, truth, atol=0.15)


def test_the_chest_wall_stays_on_the_left_and_up_and_down_are_mirrored(augmenter):
    window = dot_window(WINDOW / 2, WINDOW / 2)
    mirrored = []
    for seed in range(40):
        linear = augmenter.view(window, seed=seed).to_window[:, :2]
        # To the right in the view is to the right in the window, within the largest turn.
        towards_nipple = linear @ [0.0, 1.0]
        assert towards_nipple[1] > 2 * abs(towards_nipple[0]) * 0.7
        mirrored.append(np.linalg.det(linear) < 0)
    assert 8 < sum(mirrored) < 32


def test_no_pixel_of_a_view_comes_from_outside_the_window(augmenter):
    corners = np.array([[0, 0, 1], [0, SIZE - 1, 1], [SIZE - 1, 0, 1], [SIZE - 1, SIZE - 1, 1]])
    bright = np.full((WINDOW, WINDOW), 0.5, np.float32)
    for seed in range(40):
        view = augmenter.view(bright, seed=seed)
        at = corners @ view.to_window.T
        assert at.min() >= 0
        assert at.max() <= WINDOW - 1
        # A black corner from outside would stand out of the grey, noisy as it is.
        assert view.image.min() > 0.5 * np.median(view.image)


def test_the_same_seed_gives_the_same_view_whatever_came_before(augmenter):
    window = np.random.default_rng(0).random((WINDOW, WINDOW), np.float32)
    first = augmenter.view(window, seed=5)
    augmenter.view(window, seed=6)
    again = Augmenter(SIZE).view(window, seed=5)
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.to_window, again.to_window)
    assert not np.array_equal(first.image, augmenter.view(window, seed=6).image)


def test_views_are_float32_between_0_and_1_and_the_window_is_kept(augmenter):
    window = np.random.default_rng(1).random((WINDOW, WINDOW), np.float32)
    before = window.copy()
    for seed in range(10):
        image = augmenter.view(window, seed=seed).image
        assert image.dtype == np.float32
        assert image.shape == (SIZE, SIZE)
        assert image.min() >= 0
        assert image.max() <= 1
    assert np.array_equal(window, before)


def test_bright_tissue_keeps_its_texture(augmenter):
    window = 0.9 + 0.1 * np.random.default_rng(1).random((WINDOW, WINDOW), np.float32)
    for seed in range(20):
        # Noise alone makes some of the brightest pixels white.
        assert (augmenter.view(window, seed=seed).image >= 1).mean() < 0.15


def test_the_plain_view_is_the_window():
    window = dot_window(3, 4)
    assert plain_view(window).image is window
    assert np.array_equal(plain_view(window).to_window @ [5.0, 6.0, 1.0], [5.0, 6.0])


def test_window_and_view_have_one_centre():
    assert (WINDOW - SIZE) % 2 == 0
