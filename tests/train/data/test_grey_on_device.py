"""Grey-scale steps on the device: those that albumentations chose, and noise of its own."""

import numpy as np
import pytest
import tensorflow as tf

from pipeline.train.data.augmentation import Augmenter, GreySteps, View, in_grey
from pipeline.train.data.grey_on_device import StoredCrops, network_images, stored_crop

SIZE = 96
SEEDS = range(60)


def texture(row, col, height, width):
    """Grain everywhere, the same at the same place."""
    rows, cols = np.mgrid[row : row + height, col : col + width]
    return (32768 + 30000 * np.sin(rows * 0.9) * np.cos(cols * 1.3 + rows * 0.1)).astype(np.uint16)


def batch_of(views, seeds):
    crops = [stored_crop(view, seed=seed) for view, seed in zip(views, seeds, strict=True)]
    return StoredCrops(*(tf.constant(np.stack(parts)) for parts in zip(*crops, strict=True)))


def flat_view(std, level=0.5):
    pixels = np.full((SIZE, SIZE), round(level * 65535), np.uint16)
    return View(pixels, GreySteps(noise_map=std), np.eye(2, 3))


@pytest.fixture(scope="module")
def views():
    """The same views, finished and with their steps still to be done."""
    finished, bare = Augmenter(SIZE), Augmenter(SIZE, draws_noise=False)
    return [(finished.view(texture, seed=seed), bare.view(texture, seed=seed)) for seed in SEEDS]


def test_the_steps_and_the_pixels_are_those_of_the_finished_view(views):
    noisy = 0
    for finished, bare in views:
        assert np.array_equal(finished.pixels, bare.pixels)
        assert np.array_equal(finished.to_crop, bare.to_crop)
        (one, *ones), (other, *others) = finished.steps, bare.steps
        assert all(np.array_equal(a, b) for a, b in zip(ones, others, strict=True))
        assert (one is None) == (other is None)
        if one is not None:
            noisy += 1
            assert np.std(one) == pytest.approx(other, rel=0.05)
    assert 12 < noisy < 36


def test_without_noise_the_device_makes_what_the_cores_make(views):
    still = [view for view, _ in views if view.steps.noise_map is None]
    kinds = {(view.steps.kernel is None, view.steps.gamma == 1.0) for view in still}
    assert len(kinds) == 4  # with and without each step
    images = network_images(batch_of(still, range(len(still))))
    assert images.shape == (len(still), SIZE, SIZE, 1)
    assert images.dtype == tf.float32
    expected = np.stack([view.image for view in still])[..., None]
    np.testing.assert_allclose(images, expected, rtol=0, atol=2e-6)


def test_every_blur_has_its_whole_kernel():
    bare, blurred = Augmenter(SIZE, draws_noise=False), 0
    for seed in range(300):
        view = bare.view(texture, seed=seed)
        kernel = stored_crop(view, seed=seed).steps[4:]
        assert kernel.sum() == pytest.approx(1, abs=1e-6)
        assert np.array_equal(kernel, kernel[::-1])
        blurred += kernel.max() < 1
    assert 60 < blurred < 120


def test_a_plain_view_is_its_stored_pixels():
    view = View(texture(0, 0, SIZE, SIZE), GreySteps(), np.eye(2, 3))
    images = network_images(batch_of([view], [1]))
    assert np.array_equal(images[0, :, :, 0], in_grey(view.pixels, view.steps))


def test_noise_has_the_chosen_strength_and_no_pattern():
    images = network_images(batch_of([flat_view(s) for s in (0.005, 0.03, None)], (1, 2, 3)))
    weak, strong, none = images.numpy()[..., 0] - 0.5
    assert np.std(weak) == pytest.approx(0.005, rel=0.03)
    assert np.std(strong) == pytest.approx(0.03, rel=0.03)
    assert np.ptp(none) == 0
    assert abs(strong.mean()) < 0.03 / SIZE * 4
    assert abs(np.corrcoef(weak.ravel(), strong.ravel())[0, 1]) < 4 / SIZE
    assert abs(np.corrcoef(strong[:, 1:].ravel(), strong[:, :-1].ravel())[0, 1]) < 4 / SIZE


def test_the_noise_of_a_crop_depends_on_its_seed_alone():
    whole = network_images(batch_of([flat_view(0.02)] * 3, (5, 2**62 + 5, 5 + 2**33)))
    alone = network_images(batch_of([flat_view(0.02)], (2**62 + 5,)))
    assert np.array_equal(whole[1], alone[0])
    assert not np.array_equal(whole[0], whole[1])
    assert not np.array_equal(whole[0], whole[2])


def test_finished_crops_stay_as_they_are():
    images = tf.zeros((2, 8, 8, 1))
    assert network_images(images) is images
