"""The map of an image equals its definition, however it is computed."""

import logging

import numpy as np
import pytest

from models.dense import logit_map, pad_for_map
from models.network import NetworkSpec, build_network


def _image(height, width, seed=0):
    return np.random.default_rng(seed).random((height, width), dtype=np.float32)


def test_the_dense_map_of_the_valid_network_equals_patch_by_patch(valid):
    image, pitch, half = _image(200, 170), 8, 32
    found = logit_map(valid, image, pitch_px=pitch)
    padded = np.pad(image, 100, mode="reflect")  # 100 px are more than any patch reaches out
    assert found.shape == (26, 23)  # ceil(200 / 8) + 1, ceil(170 / 8) + 1
    corners = [(100 + r * pitch - half, 100 + c * pitch - half) for r, c in np.ndindex(26, 23)]
    patches = np.stack([padded[r : r + 64, c : c + 64] for r, c in corners])
    expected = valid.predict_on_batch(patches[..., None]).reshape(26, 23)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert np.ptp(expected) > 0.01


def test_tiles_with_halo_equal_the_whole_image(network):
    image, pitch = _image(500, 330), network.stride_px
    whole = logit_map(network, image, pitch_px=pitch)
    tiles = logit_map(network, image, pitch_px=pitch, tile_px=128)
    np.testing.assert_allclose(tiles, whole, atol=1e-5)
    assert np.ptp(whole) > 0.1
    at_once = network(pad_for_map(image, network, pitch_px=pitch)[None, ..., None])[0].numpy()
    inner = slice(network.margin_cells, -network.margin_cells or None)
    np.testing.assert_allclose(tiles, at_once[inner, inner], rtol=1e-5, atol=1e-5)


def test_a_wider_pitch_takes_every_second_position(network):
    image, stride = _image(192, 160), network.stride_px
    fine = logit_map(network, image, pitch_px=stride)
    coarse = logit_map(network, image, pitch_px=2 * stride)
    assert coarse.shape == (192 // (2 * stride) + 1, 160 // (2 * stride) + 1)
    np.testing.assert_allclose(coarse, fine[::2, ::2], atol=1e-5)


@pytest.mark.parametrize("axes", [(0,), (1,), (0, 1)])
def test_the_mean_over_four_copies_turns_with_the_image(network, axes):
    image, pitch = _image(96, 160), network.stride_px
    mean = logit_map(network, image, pitch_px=pitch, flips=4)
    turned = logit_map(network, np.flip(image, axes).copy(), pitch_px=pitch, flips=4)
    np.testing.assert_allclose(np.flip(turned, axes), mean, atol=1e-5)


def test_two_copies_are_the_image_and_the_image_upside_down(valid):
    image = _image(96, 96)
    once = logit_map(valid, image, pitch_px=8)
    flipped = logit_map(valid, image[::-1].copy(), pitch_px=8)[::-1]
    twice = logit_map(valid, image, pitch_px=8, flips=2)
    np.testing.assert_allclose(twice, (once + flipped) / 2, atol=1e-5)
    assert np.abs(once - flipped).max() > 1e-3


def test_the_map_of_an_image_zoomed_to_half_is_that_of_the_small_image(network):
    small, stride = _image(90, 70), network.stride_px
    large = np.kron(small, np.ones((2, 2), np.float32))
    found = logit_map(network, large, pitch_px=2 * stride, flips=2, zooms=(0.5,))
    np.testing.assert_allclose(
        found, logit_map(network, small, pitch_px=stride, flips=2), atol=1e-4
    )
    assert np.ptp(found) > 0.01


def test_the_map_over_several_sizes_is_their_mean(valid):
    image = _image(100, 84)
    maps = [logit_map(valid, image, pitch_px=8, zooms=(zoom,)) for zoom in (0.8, 1.0, 1.3)]
    mean = logit_map(valid, image, pitch_px=8, zooms=(0.8, 1.0, 1.3))
    np.testing.assert_allclose(mean, np.mean(maps, axis=0), atol=1e-5)
    np.testing.assert_array_equal(maps[1], logit_map(valid, image, pitch_px=8))
    assert np.abs(maps[0] - maps[1]).max() > 1e-3


def test_images_smaller_than_a_patch_have_a_map_too(network):
    found = logit_map(network, _image(20, 3), pitch_px=network.stride_px)
    assert found.shape == (-(-20 // network.stride_px) + 1, 2)
    assert np.isfinite(found).all()


def test_padding_reflects_and_fills_whole_pitches(valid):
    image = _image(10, 16)
    padded = pad_for_map(image, valid, pitch_px=8)
    assert padded.shape == (16 + 64, 16 + 64)
    np.testing.assert_array_equal(padded[32:42, 32:48], image)
    np.testing.assert_array_equal(padded[31, 32:48], image[1])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pitch_px": 12}, "multiple of the network's stride 8, not 12"),
        ({"pitch_px": 8, "flips": 3}, "must be 1, 2 or 4, not 3"),
        ({"pitch_px": 8, "tile_px": 4}, "must be at least 8, not 4"),
    ],
)
def test_settings_that_do_not_fit_are_refused(valid, options, message):
    with pytest.raises(ValueError, match=message):
        logit_map(valid, _image(64, 64), **options)


def test_an_image_of_another_type_is_refused(valid):
    with pytest.raises(ValueError, match=r"must be float32 \(H, W\), not uint16 of shape"):
        logit_map(valid, np.zeros((64, 64), np.uint16), pitch_px=8)


def test_the_networks_of_an_ensemble_are_not_taken_for_one_that_is_traced_again(caplog):
    logging.getLogger("tensorflow").addHandler(caplog.handler)
    try:
        for seed in range(6):  # TensorFlow warns from the fifth on
            network = build_network(NetworkSpec("valid", 32, width=2), seed=seed)
            logit_map(network, np.zeros((32, 32), np.float32), pitch_px=8)
    finally:
        logging.getLogger("tensorflow").removeHandler(caplog.handler)
    assert not caplog.records
