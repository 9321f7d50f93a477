"""AdamW against Keras' own, and what it leaves alone."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from pipeline.train.loop.optimiser import Optimiser, Trained, clipped

GRADIENTS = np.random.default_rng(0).normal(size=(5, 2, 3)).astype(np.float32)


def variable(value):
    return keras.Variable(np.asarray(value, np.float32))


def optimiser_of(*slots, weight_decay=0.0):
    """Slots are (variable, average, factor on the rate) and maybe the factor on the decay."""
    trained = [Trained(f"v{number}", *slot) for number, slot in enumerate(slots)]
    return Optimiser(trained, weight_decay=weight_decay, strategy=tf.distribute.get_strategy())


def step(optimiser, *gradients, rate=0.1, decay=0.0, finite=True):
    optimiser.apply(
        [tf.constant(g) for g in gradients],
        rate=tf.constant(rate),
        decay=tf.constant(decay),
        finite=tf.constant(finite),
    )


def test_it_is_the_adamw_of_keras():
    ours, theirs = variable(np.ones((2, 3))), variable(np.ones((2, 3)))
    reference = keras.optimizers.AdamW(learning_rate=0.1, weight_decay=0.2, epsilon=1e-7)
    optimiser = optimiser_of((ours, variable(np.ones((2, 3))), 1.0), weight_decay=0.2)
    for gradient in GRADIENTS:
        step(optimiser, gradient)
        reference.apply([tf.constant(gradient)], [theirs])
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-4, atol=1e-5)


def test_kernels_decay_and_vectors_do_not():
    kernel, bias = variable(np.ones((2, 3))), variable(np.ones(3))
    optimiser = optimiser_of(
        (kernel, variable(np.ones((2, 3))), 1.0),
        (bias, variable(np.ones(3)), 1.0),
        weight_decay=0.5,
    )
    step(optimiser, np.zeros((2, 3), np.float32), np.zeros(3, np.float32))
    np.testing.assert_allclose(kernel.numpy(), 0.95)
    np.testing.assert_allclose(bias.numpy(), 1.0)


def test_the_factor_scales_the_rate():
    fast, slow = variable([0.0]), variable([0.0])
    optimiser = optimiser_of((fast, variable([0.0]), 1.0), (slow, variable([0.0]), 0.1))
    step(optimiser, np.ones(1, np.float32), np.ones(1, np.float32))
    assert slow.numpy()[0] == pytest.approx(0.1 * fast.numpy()[0])


def test_a_head_matched_to_two_units_decays_by_the_same_share():
    """Twice the rate and half the decay: a step without gradient shrinks it as before."""
    kernels = [variable(np.ones((1, 2))) for _ in range(2)]
    optimiser = optimiser_of(
        (kernels[0], variable(np.ones((1, 2))), 1.0, 1.0),
        (kernels[1], variable(np.ones((1, 2))), 2.0, 0.5),
        weight_decay=0.5,
    )
    step(optimiser, *[np.zeros((1, 2), np.float32)] * 2)
    np.testing.assert_allclose(kernels[0].numpy(), kernels[1].numpy())
    assert kernels[0].numpy()[0, 0] == pytest.approx(0.95)


def test_the_average_follows_the_weights():
    weight, average = variable([0.0]), variable([4.0])
    optimiser = optimiser_of((weight, average, 1.0))
    step(optimiser, np.zeros(1, np.float32), decay=0.75)
    assert average.numpy()[0] == pytest.approx(3.0)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_gradients_that_are_not_finite_change_nothing(wrong):
    weights = variable([1.0, 2.0]), variable([1.0])
    averages = variable([3.0, 3.0]), variable([3.0])
    optimiser = optimiser_of(*zip(weights, averages, (1.0, 1.0), strict=True), weight_decay=0.5)
    step(optimiser, np.ones(2, np.float32), np.ones(1, np.float32), decay=0.5)
    everything = {**optimiser.state, **dict(enumerate((*weights, *averages)))}
    before = {name: np.array(v.numpy()) for name, v in everything.items()}
    gradients, norm = clipped([tf.constant([wrong, 1.0]), tf.constant([1.0])], 1.0)
    step(optimiser, *gradients, finite=bool(np.isfinite(norm)), decay=0.5)
    for name, v in everything.items():
        np.testing.assert_array_equal(v.numpy(), before[name], err_msg=str(name))


def test_gradients_are_clipped_together():
    for gradients in ([3.0, 4.0], [0.3, 0.4]):
        ours, norm = clipped([tf.constant([g]) for g in gradients], 1.0)
        theirs, _ = tf.clip_by_global_norm([tf.constant([g]) for g in gradients], 1.0)
        np.testing.assert_array_equal(np.array(ours), np.array(theirs))
        assert float(norm) == pytest.approx(np.hypot(*gradients))
