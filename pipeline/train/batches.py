"""Samples as a stream of batches in a fixed order, cut by threads ahead of the training step."""

import os

import cv2
import tensorflow as tf

from pipeline.train.samples import Sampler


def crop_batches(
    sampler: Sampler, *, batch: int, first_step: int, steps: int, readers: int | None = None
) -> tf.data.Dataset:
    """Batches of steps first_step ... steps - 1; step s holds the samples s * batch + 0, 1, ...

    So the order does not depend on where a run was interrupted nor on the number of threads.

    Args:
        batch: crops per step, over all replicas.
        readers: threads that cut crops; all cores if absent.

    Returns:
        Dataset of images (batch, H, W, 1) float32 and targets (batch, h, w) int8.
    """
    cv2.setNumThreads(1)  # the threads are in the map below
    side, cells = sampler.shape.size_px, sampler.shape.cells

    def cut(index):
        image, targets = tf.numpy_function(
            lambda i: sampler.sample(int(i)), [index], (tf.float32, tf.int8)
        )
        return tf.ensure_shape(image, (side, side, 1)), tf.ensure_shape(targets, (cells, cells))

    threads = readers or len(os.sched_getaffinity(0))
    indices = tf.data.Dataset.range(first_step * batch, steps * batch)
    crops = indices.map(cut, num_parallel_calls=threads, deterministic=True)
    return crops.batch(batch, drop_remainder=True).prefetch(2)
