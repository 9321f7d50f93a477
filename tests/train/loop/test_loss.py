"""The balanced loss against values computed by hand."""

import math

import numpy as np
import pytest
import tensorflow as tf

from pipeline.train.loop.loss import balanced_loss


def logits_of(probabilities):
    p = np.asarray(probabilities, np.float32)
    return tf.constant(np.log(p / (1 - p)))


def test_each_class_weighs_one_half():
    # One positive that costs log(2), two negatives that cost log(2) and almost nothing.
    loss = balanced_loss(tf.constant([0.0, 0.0, -50.0]), tf.constant([1, 0, 0], tf.int8))
    assert float(loss) == pytest.approx(0.5 * math.log(2) + 0.5 * math.log(2) / 2)


def test_the_two_halves_give_the_textbook_mean():
    logits = logits_of([0.5, 0.7, 0.2, 0.3, 0.5, 0.6])
    positive = balanced_loss(logits, tf.constant([-1, 1, -1, -1, -1, -1], tf.int8))
    negative = balanced_loss(logits, tf.constant([0, -1, 0, 0, 0, 0], tf.int8))
    # 1 positive and 5 negatives; each half was halved.
    assert 2 * (float(positive) + 5 * float(negative)) / 6 == pytest.approx(0.5398464, abs=1e-6)


@pytest.mark.parametrize(
    ("logit", "label", "expected"),
    [
        (math.log(3), 1, 0.2876821),  # -ln 0.75
        (0.62 + 0.52, 1, 0.27749),  # the softmax of (0.62, -0.52) as one logit
        (24.0, 0, 24.0),  # from the stored probability it would cost 15.94
        (-8.0, 1, 8.000335),
    ],
)
def test_one_logit_costs_its_cross_entropy(logit, label, expected):
    loss = balanced_loss(tf.constant([logit]), tf.constant([label], tf.int8))
    assert 2 * float(loss) == pytest.approx(expected, abs=1e-5)


def test_ignored_positions_change_nothing_and_get_no_gradient():
    logits = tf.Variable([1.0, -1.0, 30.0])
    targets = tf.constant([1, 0, -1], tf.int8)
    with tf.GradientTape() as tape:
        loss = balanced_loss(logits, targets)
    assert float(loss) == pytest.approx(float(balanced_loss(logits[:2], targets[:2])))
    assert tape.gradient(loss, logits).numpy()[2] == 0


@pytest.mark.parametrize("targets", [[0, 0], [-1, -1]])
def test_a_batch_without_positives_is_finite(targets):
    loss = balanced_loss(tf.constant([0.0, 0.0]), tf.constant(targets, tf.int8))
    assert float(loss) == pytest.approx(0.5 * math.log(2) if 0 in targets else 0.0)


def test_half_precision_logits_are_judged_in_float32():
    loss = balanced_loss(tf.constant([-8.0], tf.float16), tf.constant([1], tf.int8))
    assert loss.dtype == tf.float32
    assert 2 * float(loss) == pytest.approx(8.000335, abs=1e-5)


def test_losses_of_two_replicas_add_up_to_the_loss_of_the_batch():
    logits, targets = tf.constant([2.0, 1.0, -1.0, 0.5]), tf.constant([1, 0, 0, 1], tf.int8)
    counts = tf.constant([2.0, 2.0])
    parts = [balanced_loss(logits[at], targets[at], counts) for at in (slice(0, 1), slice(1, 4))]
    assert float(sum(parts)) == pytest.approx(float(balanced_loss(logits, targets)))
