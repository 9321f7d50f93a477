"""A recomputed network is the same function with the same gradients."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.dropout import RowDropout
from models.network import NetworkSpec, build_network
from models.recompute import _pieces, recomputed


def nested():
    """A network inside a network, as the backbones of keras.applications are, with a branch."""
    image = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(8, 3, strides=4, name="stem")(image)
    for number in range(3):
        wide = keras.layers.Conv2D(32, 1, activation="relu", name=f"wide{number}")(x)
        x = keras.layers.Add()([x, keras.layers.Conv2D(8, 1, name=f"narrow{number}")(wide)])
    grey = keras.Input((None, None, 1))
    features = keras.Model(image, x)(keras.layers.Concatenate()([grey, grey, grey]))
    x = RowDropout(0.0, name="dropout")(keras.layers.AveragePooling2D(2)(features))
    return keras.Model(grey, keras.layers.Conv2D(1, 1)(x))


def valid():
    return build_network(NetworkSpec("valid", 64, width=4, dropout=0.0), seed=1)


def two_units():
    """What a head of two units is trained on."""
    spec = NetworkSpec("valid", 64, width=4, dropout=0.0, head="softmax")
    return build_network(spec, seed=1).units


@pytest.mark.parametrize(("build", "count"), [(nested, 5), (valid, 6), (two_units, 6)])
def test_values_and_gradients_are_those_of_the_network(build, count):
    network = build()
    assert len(_pieces(network)) == count
    images = tf.constant(np.random.default_rng(0).random((1, 128, 128, 1), np.float32))
    variables = [v.value for v in network.trainable_variables]

    def gradients(function):
        with tf.GradientTape() as tape:
            logits = function(images, training=True)
            loss = tf.reduce_sum(logits**2)
        return logits, tape.gradient(loss, variables)

    logits, expected = gradients(network)
    again, found = gradients(recomputed(network))
    np.testing.assert_allclose(again, logits, rtol=1e-5)
    for one, other in zip(found, expected, strict=True):
        scale = np.abs(other).max() + 1e-12
        np.testing.assert_allclose(one / scale, other / scale, atol=1e-5)
