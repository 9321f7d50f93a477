"""Dropout that draws for a whole batch, also where the layer sees some rows of it only.

So what a crop loses depends on its place in the batch, and not on how the batch is divided among
devices or computed in parts.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

import keras
import tensorflow as tf


class _Rows(NamedTuple):
    seed: Any
    first: Any
    whole: Any


# Of this thread: tf.distribute traces each device in one of its own.
_ROWS: ContextVar[_Rows | None] = ContextVar("rows", default=None)


@contextmanager
def dropout_rows(seed: tf.Tensor, *, first=0, whole=None) -> Iterator[None]:
    """Networks called inside, in training, are given rows of a batch and draw from this seed.

    Args:
        seed: int (2,); the same one draws the same.
        first: row of the batch that comes first.
        whole: rows of the batch, None where all of them are given.
    """
    token = _ROWS.set(_Rows(seed, first, whole))
    try:
        yield
    finally:
        _ROWS.reset(token)


class RowDropout(keras.layers.Dropout):
    """(B, ...) -> (B, ...); Keras' own Dropout outside of `dropout_rows`."""

    def call(self, inputs, training=False):
        rows = _ROWS.get()
        if rows is None or not training or self.rate == 0:
            return super().call(inputs, training=training)
        # As Keras brings its seeds into the range that TensorFlow draws from.
        seed = tf.cast(tf.math.floormod(rows.seed, tf.int32.max - 1), tf.int32)
        if rows.whole is None:
            return tf.nn.experimental.stateless_dropout(inputs, rate=self.rate, seed=seed)
        shape = tf.shape(inputs)
        drawn = tf.random.stateless_uniform(tf.concat([[rows.whole], shape[1:]], 0), seed)
        own = drawn[rows.first : rows.first + shape[0]]
        return tf.where(own >= self.rate, inputs * (1 / (1 - self.rate)), 0.0)
