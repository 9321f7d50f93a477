"""The normalised convolutions do what convolution and normalisation do one after the other."""

import keras
import numpy as np
import pytest

from models.conv import ScaledConv, StandardisedConv


def _random(shape, seed):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@pytest.mark.parametrize("filters", [5, None], ids=["full", "depthwise"])
def test_folded_convolution_equals_convolution_then_batch_normalisation(filters):
    maps = _random((2, 9, 8, 3), 0)
    channels = filters or 3
    gamma, beta, mean = (_random((channels,), seed) for seed in (1, 2, 3))
    variance = np.abs(_random((channels,), 4)) + 0.5
    norm = keras.layers.BatchNormalization(epsilon=1e-3)
    norm.build((None, None, None, channels))
    norm.set_weights([gamma, beta, mean, variance])
    if filters:
        plain = keras.layers.Conv2D(filters, 3, padding="same", use_bias=False)
    else:
        plain = keras.layers.DepthwiseConv2D(3, padding="same", use_bias=False)
    expected = norm(plain(maps), training=False).numpy()

    folded = ScaledConv(filters, 3, padding="same")
    folded.build(maps.shape)
    scale = gamma / np.sqrt(variance + 1e-3)
    folded.kernel.assign(plain.get_weights()[0])
    folded.scale.assign(scale)
    folded.shift.assign(beta - mean * scale)
    np.testing.assert_allclose(folded(maps).numpy(), expected, atol=1e-4)


def test_a_standardised_convolution_ignores_offset_and_length_of_its_kernel():
    maps = _random((1, 6, 6, 2), 0)
    layer = StandardisedConv(4, 3)
    layer.build(maps.shape)
    kernel = _random((3, 3, 2, 4), 1)
    layer.kernel.assign(kernel)
    expected = layer(maps).numpy()
    layer.kernel.assign(0.01 * kernel + 0.5)
    np.testing.assert_allclose(layer(maps).numpy(), expected, atol=1e-3)
    assert np.abs(expected).max() > 1
