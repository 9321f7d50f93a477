"""The loss of training: cross-entropy from the head's units, each class one half."""

import tensorflow as tf


def class_counts(targets: tf.Tensor) -> tf.Tensor:
    """Positive and negative positions, float32 (2,)."""
    classes = targets > 0, targets == 0
    return tf.stack([tf.reduce_sum(tf.cast(those, tf.float32)) for those in classes])


def balanced_loss(
    logits: tf.Tensor, targets: tf.Tensor, counts: tf.Tensor | None = None
) -> tf.Tensor:
    """Binary cross-entropy: half the mean over positive positions plus half over negative ones.

    The prior in training is 0.5 by this, whatever the share of positive positions. A batch
    without one class has the half of the other only, so a rare class is not diluted further.

    Args:
        logits: any shape, any float type; the loss is computed in float32.
        targets: the same shape, int8; positive: a bit for each kind of finding there (1 where
            kinds are not told apart), 0 negative, -1 ignored.
        counts: `class_counts` of the whole batch, where these are a part of it; the losses of
            the parts then add up to the loss of the whole batch.

    Returns:
        float32 scalar; 0 where everything is ignored.
    """
    logits = tf.cast(logits, tf.float32)
    positive = tf.cast(targets > 0, tf.float32)
    losses = tf.nn.sigmoid_cross_entropy_with_logits(labels=positive, logits=logits)
    return _balanced(losses, targets, counts)


def units_loss(
    units: tf.Tensor, targets: tf.Tensor, counts: tf.Tensor | None = None, *, head: str
) -> tf.Tensor:
    """The balanced loss of any head.

    softmax and softmax_kinds: categorical cross-entropy; where several kinds overlap, the first.
    sigmoid_kinds: mean binary cross-entropy over the kinds.

    Args:
        units: (..., units) of the head.
        targets, counts: as in `balanced_loss`.
        head: one of models.head.HEADS.
    """
    units = tf.cast(units, tf.float32)
    if head == "sigmoid":
        return balanced_loss(units[..., 0], targets, counts)
    if head == "sigmoid_kinds":
        bits = _bits(targets, units.shape[-1])
        losses = tf.nn.sigmoid_cross_entropy_with_logits(labels=bits, logits=units)
        return _balanced(tf.reduce_mean(losses, axis=-1), targets, counts)
    if head == "softmax":
        classes = tf.cast(targets > 0, tf.int32)
    else:
        kinds = _bits(targets, units.shape[-1] - 1)
        first = tf.argmax(kinds, axis=-1, output_type=tf.int32)
        classes = tf.where(targets > 0, 1 + first, 0)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=classes, logits=units)
    return _balanced(losses, targets, counts)


def _balanced(losses: tf.Tensor, targets: tf.Tensor, counts: tf.Tensor | None) -> tf.Tensor:
    positive = tf.cast(targets > 0, tf.float32)
    negative = tf.cast(targets == 0, tf.float32)
    counts = class_counts(targets) if counts is None else counts
    sums = tf.stack([tf.reduce_sum(losses * positive), tf.reduce_sum(losses * negative)])
    return 0.5 * tf.reduce_sum(tf.math.divide_no_nan(sums, counts))


def _bits(targets: tf.Tensor, kinds: int) -> tf.Tensor:
    """(..., kinds) float32: 1 where the kind is there."""
    marked = tf.cast(tf.maximum(targets, tf.zeros_like(targets)), tf.int32)[..., None]
    return tf.cast(tf.bitwise.bitwise_and(marked, 2 ** tf.range(kinds)) > 0, tf.float32)
