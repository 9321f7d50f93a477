"""Small graphs by hand: what their maps see, where they are cut, what the backbone keeps."""

import keras
import numpy as np
import pytest
from keras import layers

from models.keras_backbone import backbone_weights, last_of_stride, trace
from models.receptive_field import ReceptiveField


def traced(graph):
    """Its calls on a new image."""
    image = keras.Input((None, None, 3))
    return image, trace(graph, image)


def calls_on_image(build):
    """The calls of a graph given as a function of its image."""
    image = keras.Input((None, None, 3))
    return traced(keras.Model(image, build(image)))[1]


def small_graph():
    """A residual block of stride 2, then one of stride 4 that begins with a normalisation."""
    image = x = keras.Input((None, None, 3))
    x = layers.Conv2D(4, 3, strides=2, padding="same")(x)
    inner = keras.Sequential([layers.LayerNormalization(), layers.Conv2D(4, 1)])(x)
    x = layers.Add(name="sum")([x, inner])
    y = layers.BatchNormalization(name="before")(x)
    y = layers.ReLU(name="rectified")(y)
    y = layers.Conv2D(4, 1, name="branch")(y)
    y = layers.Conv2D(4, 3, strides=2)(layers.ZeroPadding2D(1)(y))
    x = layers.Conv2D(4, 1, strides=2)(x)
    return keras.Model(image, layers.Add()([x, y]))


def test_padding_of_its_own_and_that_of_a_layer_see_the_same():
    def padded_by_hand(x):
        x = layers.ZeroPadding2D(((0, 1), (0, 1)))(x)
        return layers.DepthwiseConv2D(3, strides=2)(x)

    same = calls_on_image(layers.Conv2D(1, 3, strides=2, padding="same"))[-1]
    assert calls_on_image(padded_by_hand)[-1].fields == same.fields
    assert same.fields == (ReceptiveField(2, 0, first_px=0, last_px=2, middle_px=0.5),) * 2


def test_holes_in_a_kernel_count():
    (call,) = calls_on_image(layers.Conv2D(1, 3, dilation_rate=2))
    assert call.fields[0] == ReceptiveField(1, -4, first_px=0, last_px=4, middle_px=2.0)


def test_rows_and_columns_of_a_kernel_are_told_apart():
    (call,) = calls_on_image(layers.Conv2D(1, (1, 7), padding="same"))
    assert call.fields == (ReceptiveField(), ReceptiveField(first_px=-3, last_px=3))


def test_what_follows_a_mean_over_the_map_has_no_position_until_it_meets_a_map():
    def gated(x):
        gate = layers.Dense(3)(layers.GlobalAveragePooling2D(keepdims=True)(x))
        return layers.Multiply()([x, gate])

    mean, gate, product = calls_on_image(gated)
    assert mean.fields == gate.fields == ()
    assert product.fields == (ReceptiveField(),) * 2


def test_the_cut_is_where_everything_passes_with_the_normalisation_behind_it():
    _, calls = traced(small_graph())
    assert last_of_stride(calls, 2).layer.name == "rectified"


def test_a_graph_without_such_a_layer_is_refused():
    with pytest.raises(ValueError, match="a layer of stride 16 that everything goes through"):
        last_of_stride(traced(small_graph())[1], 16)


def test_the_part_computes_the_same_under_names_of_a_fresh_process():
    images = np.random.default_rng(0).random((1, 8, 8, 3), dtype=np.float32)
    names = []
    for graph in (small_graph(), small_graph()):
        whole = keras.Model(graph.input, graph.get_layer("rectified").output)(images)
        image, calls = traced(graph)
        part = keras.Model(image, last_of_stride(calls, 2).result)
        np.testing.assert_allclose(part(images), whole, atol=1e-6)
        names.append(list(backbone_weights(part)))
    assert names[0] == names[1]
    assert names[0][:2] == ["conv2d_0/kernel", "conv2d_0/bias"]
    assert len(set(names[0])) == len(names[0]) == 10


def test_drop_outs_are_left_out_and_the_picture_is_not_rounded():
    def build(x):
        x = layers.Conv2D(2, 1, dtype="bfloat16", name="stem")(x)
        return layers.Conv2D(2, 1, dtype="bfloat16", name="next")(layers.Dropout(0.9)(x))

    stem, following = calls_on_image(build)
    assert (stem.layer.compute_dtype, following.layer.compute_dtype) == ("float32", "bfloat16")


def test_a_convolution_in_groups_of_one_channel_is_computed_as_what_it_is():
    (call,) = calls_on_image(layers.Conv2D(3, 3, groups=3, padding="same"))
    images = np.random.default_rng(0).random((1, 6, 5, 3), dtype=np.float32)
    expected = np.zeros((1, 6, 5, 3))
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    kernel = call.layer.kernel.numpy()  # (3, 3, 1, 3)
    for row, col in np.ndindex(3, 3):
        expected += padded[:, row : row + 6, col : col + 5] * kernel[row, col, 0]
    np.testing.assert_allclose(call.layer(images), expected, atol=1e-6)
