"""What a network costs for an image: floating-point operations, and values that it writes."""

import math
from typing import NamedTuple

import tensorflow as tf


class Operations(NamedTuple):
    """Of one pass forward; a multiplication and an addition are two.

    Attributes:
        flops: floating-point operations.
        values: that are written.
    """

    flops: float
    values: float


def operations(network, side_px: int) -> Operations:
    """Counted in the graph of the network for one image of side_px x side_px."""
    given = tf.TensorSpec((1, side_px, side_px, 1), tf.float32)
    graph = tf.function(lambda x: network(x, training=False)).get_concrete_function(given).graph
    flops = values = 0.0
    for op in graph.get_operations():
        if op.type not in ("Conv2D", "DepthwiseConv2dNative", "Relu", "Relu6", "AddV2", "AvgPool"):
            continue
        written = math.prod(op.outputs[0].shape)
        values += written
        if "Conv2" in op.type or "conv2d" in op.type:
            height, width, channels = op.inputs[1].shape[:3]
            flops += 2 * written * height * width * (channels if op.type == "Conv2D" else 1)
    return Operations(flops, values)
