"""The loss of training: binary cross-entropy from logits, each class one half."""

from collections.abc import Callable

import tensorflow as tf


def balanced_loss(
    logits: tf.Tensor, targets: tf.Tensor, *, total: Callable[[tf.Tensor], tf.Tensor] = tf.identity
) -> tf.Tensor:
    """Half the mean over positive positions plus half the mean over negative ones.

    The prior in training is 0.5 by this, whatever the share of positive positions. A batch
    without one class has the half of the other only, so a rare class is not diluted further.

    Args:
        logits: any shape, any float type; the loss is computed in float32.
        targets: the same shape; 1 positive, 0 negative, -1 ignored.
        total: sums the two counts over all replicas of the batch; the replicas' losses then
            add up to the loss of the whole batch.

    Returns:
        float32 scalar; 0 where everything is ignored.
    """
    logits = tf.cast(logits, tf.float32)
    positive = tf.cast(targets == 1, tf.float32)
    negative = tf.cast(targets == 0, tf.float32)
    losses = tf.nn.sigmoid_cross_entropy_with_logits(labels=positive, logits=logits)
    counts = total(tf.stack([tf.reduce_sum(positive), tf.reduce_sum(negative)]))
    sums = tf.stack([tf.reduce_sum(losses * positive), tf.reduce_sum(losses * negative)])
    return 0.5 * tf.reduce_sum(tf.math.divide_no_nan(sums, counts))
