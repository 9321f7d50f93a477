"""Dropout of rows: what a row loses depends on its place in the batch."""

import numpy as np
import pytest
import tensorflow as tf

from models.dropout import RowDropout, dropout_rows

LAYER = RowDropout(0.5, seed=3)
BATCH = tf.constant(np.random.default_rng(0).random((6, 2, 3), np.float32))


def dropped(rows=slice(None), *, seed=(1, 2), **place):
    with dropout_rows(tf.constant(seed, tf.int64), **place):
        return LAYER(BATCH[rows], training=True).numpy()


def test_a_seed_repeats_what_keras_draws_from_it():
    LAYER.seed_generator.state.assign(np.array([1, 2], "uint32"))
    by_keras = LAYER(BATCH, training=True).numpy()
    np.testing.assert_array_equal(dropped(), by_keras)
    assert (dropped(seed=(1, 3)) != by_keras).any()
    assert 0 < (by_keras == 0).mean() < 1


@pytest.mark.parametrize("size", [1, 2, 4])
def test_parts_lose_what_the_whole_batch_loses(size):
    parts = [dropped(slice(n, n + size), first=n, whole=6) for n in range(0, 6, size)]
    np.testing.assert_array_equal(np.concatenate(parts), dropped())


def test_outside_of_training_nothing_is_lost():
    with dropout_rows(tf.constant([1, 2])):
        np.testing.assert_array_equal(LAYER(BATCH, training=False), BATCH)
