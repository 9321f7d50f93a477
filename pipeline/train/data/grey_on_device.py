"""The grey-scale steps of views, done by the device that trains.

The cores that cut crops have to resample only, and stored grey values are half the bytes on their
way to the device. The device draws the noise, so a training is another one than with crops that
come finished, and gives the same network but for that.
"""

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from pipeline.preprocess.store.entries import WHITE
from pipeline.train.data.augmentation import LARGEST_SIGMA, View

# albumentations' kernels have int(3.5 sigma) taps at each side of the middle.
_TAPS = 2 * int(3.5 * LARGEST_SIGMA) + 1


class StoredCrops(NamedTuple):
    """Crops whose grey-scale steps are still to be done; of one crop all without n."""

    pixels: Any  # (n, H, W, 1) uint16, as stored
    # (n, 4 + taps) float32: standard deviation of the noise, alpha, beta, gamma, kernel of the blur
    steps: Any
    seeds: Any  # (n, 2) int32, of the noise


def stored_crop(view: View, *, seed: int) -> StoredCrops:
    """A view without its noise as one crop.

    Args:
        seed: of 63 bits; the same one gives the same noise.
    """
    steps, kernel = view.steps, np.zeros(_TAPS)
    taps = np.ones(1) if steps.kernel is None else steps.kernel
    first = (_TAPS - len(taps)) // 2
    kernel[first : first + len(taps)] = taps
    numbers = [steps.noise_map or 0.0, steps.alpha, steps.beta, steps.gamma, *kernel]
    return StoredCrops(
        view.pixels[..., None],
        np.array(numbers, np.float32),
        np.array([seed >> 32, seed & 0x7FFFFFFF], np.int32),
    )


def stored_spec(side: int) -> StoredCrops:
    """Shapes and types of one crop of so many pixels."""
    return StoredCrops(
        tf.TensorSpec((side, side, 1), tf.uint16),
        tf.TensorSpec((4 + _TAPS,), tf.float32),
        tf.TensorSpec((2,), tf.int32),
    )


def network_images(crops: "tf.Tensor | StoredCrops") -> tf.Tensor:
    """What the network sees: (n, H, W, 1) float32 in [0, 1]; crops that are it stay as they are."""
    if not isinstance(crops, StoredCrops):
        return crops
    image = tf.cast(crops.pixels, tf.float32)[..., 0] * np.float32(1 / WHITE)
    std, alpha, beta, gamma = (crops.steps[:, at, None, None] for at in range(4))
    # Seed by seed: the noise of a crop is the same wherever in a batch, and on which device, it is.
    noise = tf.map_fn(
        lambda seed: tf.random.stateless_normal(image.shape[1:], seed),
        crops.seeds,
        fn_output_signature=tf.TensorSpec(image.shape[1:], tf.float32),
    )
    image = tf.clip_by_value(image + std * noise, 0.0, 1.0)
    image = _blurred(image, crops.steps[:, 4:])
    image = tf.clip_by_value(image * alpha + beta, 0.0, 1.0)
    return tf.pow(image, gamma)[..., None]


def _blurred(images: tf.Tensor, kernels: tf.Tensor) -> tf.Tensor:
    """Each image (H, W) convolved with its kernel along rows and columns, mirrored at its edges."""
    half = _TAPS // 2
    x = tf.pad(images, [[0, 0], [half, half], [half, half]], "REFLECT")
    # The crops as channels of one image: a convolution of each with its own kernel.
    x, kernels = tf.transpose(x, (1, 2, 0))[None], tf.transpose(kernels)
    x = tf.nn.depthwise_conv2d(x, kernels[:, None, :, None], [1, 1, 1, 1], "VALID")
    x = tf.nn.depthwise_conv2d(x, kernels[None, :, :, None], [1, 1, 1, 1], "VALID")
    return tf.transpose(x[0], (2, 0, 1))
