"""From features to one logit for every window: running average, dropout, one linear unit."""

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable("models")
class _DropLastAxis(keras.layers.Layer):
    """(B, h, w, 1) -> (B, h, w)."""

    def call(self, x):
        return ops.squeeze(x, axis=-1)


def window_logits(features, *, cells: int, dropout: float, seed: int):
    """One logit for every window of cells x cells features, all in float32.

    Args:
        features: Keras tensor (B, h, w, C).
        cells: side of the window in cells.
        dropout: share of the mean features that training drops.
        seed: seed of the dropout.

    Returns:
        Keras tensor (B, h - cells + 1, w - cells + 1), float32 logits.
    """
    x = features
    # Row means, then column means: 2 n additions instead of n * n.
    for side, size in (("rows", (cells, 1)), ("cols", (1, cells))):
        x = keras.layers.AveragePooling2D(size, 1, "valid", name=f"window_{side}", dtype="float32")(
            x
        )
    x = keras.layers.Dropout(dropout, seed=seed, name="dropout", dtype="float32")(x)
    x = keras.layers.Conv2D(1, 1, name="logit", dtype="float32")(x)
    return _DropLastAxis(name="logits", dtype="float32")(x)


def initialise_head(network: keras.Model, *, seed: int) -> None:
    """Glorot-uniform kernel from the seed, bias 0."""
    logit = network.get_layer("logit")
    fan_in = logit.kernel.shape[2]
    limit = np.sqrt(6 / (fan_in + 1))
    random = np.random.default_rng([seed, 1_000_000])
    logit.kernel.assign(random.uniform(-limit, limit, logit.kernel.shape).astype("float32"))
    logit.bias.assign(np.zeros(1, "float32"))
