"""Views: the affine map says where every pixel went, and the seed says everything."""

import cv2
import numpy as np
import pytest

from pipeline.train.data.augmentation import Augmenter, plain_view
from tests.benchmarks.bench_crops import Whole

SIZE = 96
BORDER = 100  # beyond what any view shows
WINDOW = SIZE + 2 * BORDER


@pytest.fixture(scope="module")
def augmenter():
    return Augmenter(SIZE)


def reader(window):
    """Reads a crop in the middle of a (WINDOW, WINDOW) picture in [0, 1], and what is beside it."""
    stored = np.round(window * 65535).astype(np.uint16)

    def read(row, col, height, width):
        assert 0 <= row + BORDER <= row + BORDER + height <= WINDOW
        assert 0 <= col + BORDER <= col + BORDER + width <= WINDOW
        return stored[row + BORDER :, col + BORDER :][:height, :width]

    return read


def dot_window(row, col):
    """A soft dot, so that its centre can be measured to a fraction of a pixel."""
    rows, cols = np.mgrid[:WINDOW, :WINDOW] - BORDER
    return np.exp(-((rows - row) ** 2 + (cols - col) ** 2) / (2 * 2.5**2))


def centre_of(image):
    weights = np.where(image > 0.3 * image.max(), image, 0.0).astype(np.float64)
    rows, cols = np.mgrid[: image.shape[0], : image.shape[1]]
    return np.array([(rows * weights).sum(), (cols * weights).sum()]) / weights.sum()


@pytest.mark.parametrize("seed", range(24))
def test_a_bright_dot_is_where_the_affine_map_says(augmenter, seed):
    middle = (SIZE - 1) / 2
    truth = np.array([middle + 17.0, middle - 9.0])
    view = augmenter.view(reader(dot_window(*truth)), seed=seed)
    found = view.to_crop @ np.append(centre_of(view.image), 1.0)
    np.testing.assert_allclose(found, truth, atol=0.15)


def test_the_chest_wall_stays_on_the_left_and_up_and_down_are_mirrored(augmenter):
    read = reader(dot_window(SIZE / 2, SIZE / 2))
    mirrored = []
    for seed in range(40):
        linear = augmenter.view(read, seed=seed).to_crop[:, :2]
        # To the right in the view is to the right in the window, within the largest turn.
        towards_nipple = linear @ [0.0, 1.0]
        assert towards_nipple[1] > 2 * abs(towards_nipple[0]) * 0.7
        mirrored.append(np.linalg.det(linear) < 0)
    assert 8 < sum(mirrored) < 32


def test_a_view_shows_stored_pixels_and_reads_little_more_than_it_shows(augmenter):
    bright = np.full((WINDOW, WINDOW), 0.5)
    read = reader(bright)
    for seed in range(40):
        areas = []

        def counted(row, col, height, width, areas=areas):
            areas.append((height, width))
            return read(row, col, height, width)

        view = augmenter.view(counted, seed=seed)
        corners = np.array([[0, 0, 1], [0, SIZE, 1], [SIZE, 0, 1], [SIZE, SIZE, 1]])
        height, width = np.ptp(corners @ view.to_crop.T, axis=0)
        assert len(areas) == 1
        assert areas[0][0] <= height + 6
        assert areas[0][1] <= width + 6
        # A black corner from nowhere would stand out of the grey, noisy as it is.
        assert view.image.min() > 0.5 * np.median(view.image)


def test_the_same_seed_gives_the_same_view_whatever_came_before(augmenter):
    read = reader(np.random.default_rng(0).random((WINDOW, WINDOW)))
    first = augmenter.view(read, seed=5)
    augmenter.view(read, seed=6)
    again = Augmenter(SIZE).view(read, seed=5)
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.to_crop, again.to_crop)
    assert not np.array_equal(first.image, augmenter.view(read, seed=6).image)


def test_views_are_float32_between_0_and_1(augmenter):
    read = reader(np.random.default_rng(1).random((WINDOW, WINDOW)))
    for seed in range(10):
        image = augmenter.view(read, seed=seed).image
        assert image.dtype == np.float32
        assert image.shape == (SIZE, SIZE)
        assert image.min() >= 0
        assert image.max() <= 1


def test_bright_tissue_keeps_its_texture(augmenter):
    read = reader(0.9 + 0.1 * np.random.default_rng(1).random((WINDOW, WINDOW)))
    for seed in range(20):
        # Noise alone makes some of the brightest pixels white.
        assert (augmenter.view(read, seed=seed).image >= 1).mean() < 0.15


def test_the_plain_view_is_the_crop():
    window = dot_window(3, 4)
    view = plain_view(reader(window), SIZE)
    inside = slice(BORDER, BORDER + SIZE)
    np.testing.assert_allclose(view.image, window[inside, inside], atol=1e-5)
    assert np.array_equal(view.to_crop @ [5.0, 6.0, 1.0], [5.0, 6.0])


@pytest.mark.parametrize("size_px", [96, 320])  # without and with a look-up table
def test_a_view_is_what_albumentations_makes_of_a_whole_window(size_px):
    whole = Whole(size_px)
    border = whole.border_px
    grain = np.random.default_rng(0).standard_normal([size_px + 2 * border] * 2)
    smooth = cv2.GaussianBlur(grain, (0, 0), 3)
    stored = np.round((smooth - smooth.min()) / np.ptp(smooth) * 65535).astype(np.uint16)

    def read(row, col, height, width):
        return stored[row + border :, col + border :][:height, :width]

    augmenter = Augmenter(size_px)
    for seed in range(12):
        view, (image, to_crop) = augmenter.view(read, seed=seed), whole.view(read, seed=seed)
        np.testing.assert_allclose(view.image, image, atol=1e-4)
        np.testing.assert_allclose(view.to_crop, to_crop, atol=1e-3)
