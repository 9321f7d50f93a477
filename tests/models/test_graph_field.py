"""Fields of small graphs by hand, and where a graph is cut."""

import keras
import numpy as np
import pytest
from keras import layers

from models.graph_field import GraphField, field_after
from models.keras_graph import calls_of, copy_up_to, last_of_stride


def field_of(*chain):
    field = GraphField()
    for layer in chain:
        field = field_after(layer, [field], axis=0)
    return field


def test_even_padding_keeps_the_middle_on_the_first_pixel_of_a_cell():
    # As the stem of ResNet: 224 px, padded to 230, give 112 cells; then 114 give 56.
    field = field_of(
        layers.ZeroPadding2D(3),
        layers.Conv2D(1, 7, strides=2),
        layers.ZeroPadding2D(1),
        layers.MaxPooling2D(3, strides=2),
    )
    assert field == GraphField(4, 0, first_px=-5, last_px=5, middle_px=0.0)


@pytest.mark.parametrize(
    "chain",
    [
        [layers.Conv2D(1, 3, strides=2, padding="same")],
        [layers.ZeroPadding2D(((0, 1), (0, 1))), layers.DepthwiseConv2D(3, strides=2)],
    ],
)
def test_a_row_more_after_the_map_moves_the_middle_by_half_of_it(chain):
    # Pixels 0, 1 and 2; two pixels to a cell.
    assert field_of(*chain) == GraphField(2, 0, first_px=0, last_px=2, middle_px=0.5)


def test_without_padding_cells_get_lost():
    field = field_of(layers.Conv2D(1, 3, strides=2), layers.Conv2D(1, 3, dilation_rate=2))
    assert field == GraphField(2, -5, first_px=0, last_px=10, middle_px=5.0)


def test_rows_and_columns_of_a_kernel_are_told_apart():
    flat = layers.Conv2D(1, (1, 7), padding="same")
    assert field_after(flat, [GraphField()], axis=0) == GraphField()
    assert field_after(flat, [GraphField()], axis=1) == GraphField(first_px=-3, last_px=3)


def test_a_sum_sees_what_its_parts_see():
    wide, narrow = field_of(layers.Conv2D(1, 9, padding="same")), GraphField()
    assert field_after(layers.Add(), [narrow, wide], axis=0) == wide


def test_parts_of_different_sizes_are_refused():
    with pytest.raises(ValueError, match="joins maps of different sizes"):
        field_after(layers.Add(), [GraphField(), field_of(layers.Conv2D(1, 3))], axis=0)


def test_a_mean_over_the_map_reaches_everywhere():
    mean = field_after(layers.GlobalAveragePooling2D(), [GraphField()], axis=0)
    gate = field_after(layers.Dense(1), [mean], axis=0)
    assert gate is None
    assert field_after(layers.Multiply(), [GraphField(), gate], axis=0).everywhere


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


def test_the_cut_is_where_everything_passes_with_the_normalisation_behind_it():
    calls = calls_of(small_graph())
    assert calls[last_of_stride(calls, 2)].layer.name == "rectified"


def test_a_graph_without_such_a_layer_is_refused():
    with pytest.raises(ValueError, match="a layer of stride 16 that everything goes through"):
        last_of_stride(calls_of(small_graph()), 16)


def test_the_copy_computes_the_same_under_names_of_a_fresh_process():
    images = np.random.default_rng(0).random((1, 8, 8, 3), dtype=np.float32)
    paths = []
    for graph in (small_graph(), small_graph()):
        calls = calls_of(graph)
        last = last_of_stride(calls, 2)
        copy = copy_up_to(
            calls,
            last,
            copied=lambda layer, config: type(layer).from_config(config),
            with_weights=True,
        )
        part = keras.Model(graph.input, graph.get_layer("rectified").output)
        np.testing.assert_allclose(copy(images), part(images), atol=1e-6)
        paths.append([variable.path for variable in copy.weights])
    assert paths[0] == paths[1]
    assert paths[0][:2] == ["conv2d_0/kernel", "conv2d_0/bias"]
    assert len(set(paths[0])) == len(paths[0]) == 10
