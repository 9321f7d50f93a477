"""The gradient of a batch from its parts, one after the other: only one needs memory at a time."""

from collections.abc import Callable, Sequence

import tensorflow as tf

# First row, images and targets of a part -> its loss and gradients, which add up.
OfPart = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tuple[tf.Tensor, Sequence[tf.Tensor]]]


def accumulated(
    of_part: OfPart,
    images: tf.Tensor,
    targets: tf.Tensor,
    *,
    part: tf.Tensor,
    shapes: Sequence[tf.TensorShape],
) -> tuple[tf.Tensor, list[tf.Tensor]]:
    """Loss and gradients of a batch as the sums over its parts.

    Args:
        images: (B, H, W, 1), with `targets` (B, h, w).
        part: rows of a part; the last one may have fewer.
        shapes: of the gradients.
    """
    count = tf.shape(images)[0]

    def add(first, loss, sums):
        rows = slice(first, first + part)
        own, gradients = of_part(first, images[rows], targets[rows])
        return first + part, loss + own, [a + b for a, b in zip(sums, gradients, strict=True)]

    nothing = [tf.zeros(shape) for shape in shapes]
    _, loss, sums = tf.while_loop(
        lambda first, *_: first < count,
        add,
        (tf.constant(0), tf.constant(0.0), nothing),
        parallel_iterations=1,
    )
    return loss, sums
