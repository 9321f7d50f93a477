"""One step: what it depends on, and that two devices do what one does."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.network import NetworkSpec, PatchNetwork, build_network
from models.precision import dtype_policy
from pipeline.config import TrainSettings
from pipeline.train.data.augmentation import GreySteps, View
from pipeline.train.data.grey_on_device import StoredCrops, network_images, stored_crop
from pipeline.train.loop.learner import FIRST_LOSS_SCALE, Learner

SPEC = NetworkSpec("valid", 32, width=4, dropout=0.5)
RNG = np.random.default_rng(0)
IMAGES = tf.constant(RNG.random((2, 40, 40, 1), np.float32))
TARGETS = tf.constant(RNG.integers(0, 2, (2, 3, 3)).astype(np.int8))


def learner_of(*, precision="float32", **train):
    averaged = build_network(SPEC, seed=1)
    return Learner(
        averaged.in_policy(precision),
        averaged,
        train=TrainSettings(**train),
        strategy=tf.distribute.get_strategy(),
        scale_loss=precision == "mixed_float16",
    )


def take(learner, step, images=IMAGES):
    return learner.step(images, TARGETS, step=step, rate=1e-2, decay=0.5)


@pytest.fixture(scope="module")
def learner():
    return learner_of()


def test_dropout_depends_on_the_number_of_the_step_only(learner):
    start = learner.state()
    losses = []
    for step in (3, 4, 3):
        learner.restore(start)
        losses.append(float(take(learner, step).loss))
    assert losses[0] == losses[2]
    assert losses[0] != losses[1]


def test_a_restored_learner_goes_on_as_before(learner):
    take(learner, 0)
    start = learner.state()
    first = float(take(learner, 1).loss), learner.state()
    learner.restore(start)
    second = float(take(learner, 1).loss), learner.state()
    assert first[0] == second[0]
    assert all(np.array_equal(first[1][name], second[1][name]) for name in start)


def test_the_average_follows_the_weights(learner):
    before = learner.state()
    take(learner, 2)
    after = learner.state()
    moving = [n for n in after if n.startswith("network/")]
    assert any(not np.array_equal(before[name], after[name]) for name in moving)
    for name in moving:
        average = name.replace("network/", "averaged/")
        expected = 0.5 * before[average] + 0.5 * after[name]
        np.testing.assert_allclose(after[average], expected, rtol=1e-5, atol=1e-7)


def test_a_state_of_another_network_is_refused(learner):
    with pytest.raises(ValueError, match="named arrays of this network, 1 differ"):
        learner.restore({**learner.state(), "network/other": np.zeros(1)})


def test_a_backbone_rate_of_0_leaves_the_backbone_alone():
    learner = learner_of(backbone_rate=0)
    before = {v.path: v.numpy() for v in learner.network.trainable_variables}
    take(learner, 0)
    after = {v.path: v.numpy() for v in learner.network.trainable_variables}
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert changed == {"logit/kernel", "logit/bias"}


def test_frozen_layers_are_the_ones_next_to_the_image():
    learner = learner_of(frozen_layers=2)
    before = learner.state()
    take(learner, 0)
    after = learner.state()
    kernels = [f"network/{v.path}" for v in learner.network.weights if len(v.shape) > 1]
    kept = [np.array_equal(before[name], after[name]) for name in kernels]
    assert kept == [True, True] + [False] * (len(kernels) - 2)
    # What belongs to a frozen convolution stays as well.
    first = kernels[0].rsplit("/", 1)[0]
    own = [name for name in before if name.startswith(first)]
    assert len(own) > 1 and all(np.array_equal(before[n], after[n]) for n in own)


@pytest.fixture(scope="module")
def whole():
    """A step on six crops at once, and its learner's state."""
    return step_on_six(learner_of())


def step_on_six(learner):
    rng = np.random.default_rng(1)
    images = tf.constant(rng.random((6, 40, 40, 1), np.float32))
    targets = rng.integers(-1, 2, (6, 3, 3)).astype(np.int8)
    targets[:3] = np.minimum(targets[:3], 0)  # all positives in the second half
    result = learner.step(images, tf.constant(targets), step=5, rate=1e-3, decay=0.5)
    return (float(result.loss), float(result.gradient_norm)), learner.state()


@pytest.mark.parametrize(("micro_batch", "recompute"), [(2, False), (4, False), (1, True)])
def test_parts_of_a_batch_add_up_to_its_step(whole, micro_batch, recompute):
    learner = learner_of(recompute=recompute)
    learner.micro_batch = micro_batch
    results, state = step_on_six(learner)
    np.testing.assert_allclose(results, whole[0], rtol=1e-6)
    first = {name: of for name, of in state.items() if name.startswith("optimiser/first")}
    assert max(np.abs(of).max() for of in first.values()) > 1e-3
    for name, of in first.items():  # a tenth of the gradient
        np.testing.assert_allclose(of, whole[1][name], rtol=0, atol=1e-7)


@pytest.mark.parametrize("micro_batch", [0, 1])
def test_a_step_does_the_grey_scale_steps_that_are_left_to_it(micro_batch):
    pixels = (RNG.random((2, 40, 40)) * 65535).astype(np.uint16)
    steps = GreySteps(noise_map=0.02, kernel=np.array([0.25, 0.5, 0.25]), alpha=0.8, gamma=0.7)
    crops = [stored_crop(View(p, steps, np.eye(2, 3)), seed=s) for s, p in enumerate(pixels)]
    stored = StoredCrops(*(tf.constant(np.stack(parts)) for parts in zip(*crops, strict=True)))
    results = []
    for images in (stored, network_images(stored)):
        learner = learner_of()
        learner.micro_batch = micro_batch
        results.append((float(take(learner, 1, images).loss), learner.state()))
    (loss, state), (expected, after) = results
    assert loss == pytest.approx(expected, rel=1e-6)
    for name, weights in after.items():
        np.testing.assert_allclose(state[name], weights, rtol=0, atol=1e-6)


def test_an_attempt_changes_nothing(learner):
    before = learner.state()
    learner.attempt(IMAGES, TARGETS)
    after = learner.state()
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_half_precision_learns_with_a_scaled_loss():
    learner = learner_of(precision="mixed_float16")
    single = learner_of()
    assert float(take(learner, 0).loss) == pytest.approx(float(take(single, 0).loss), rel=0.02)
    assert learner.state()["loss_scale"] == FIRST_LOSS_SCALE


def normalised_network():
    """A convolution with a batch normalisation, whose statistics follow the crops."""
    image = keras.Input((None, None, 1))
    x = keras.layers.Conv2D(2, 32, 4, name="conv")(image)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.Conv2D(1, 1, name="logit", dtype="float32")(x)
    network = PatchNetwork(image, keras.layers.Reshape((3, 3), dtype="float32")(x))
    network.spec = NetworkSpec("small", 32, dropout=0.0)
    return network


def test_a_step_whose_gradients_overflow_changes_the_scale_of_the_loss_only():
    averaged = normalised_network()
    with dtype_policy("mixed_float16"):
        network = normalised_network()
    learner = Learner(
        network,
        averaged,
        train=TrainSettings(),
        strategy=tf.distribute.get_strategy(),
        scale_loss=True,
    )
    take(learner, 0)
    learner.restore({**learner.state(), "loss_scale": np.float32(2.0**100)})
    before = learner.state()
    assert np.abs(before["network/norm/moving_mean"]).max() > 0
    assert not np.array_equal(before["network/conv/kernel"], before["averaged/conv/kernel"])
    take(learner, 1)
    after = learner.state()
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert changed == {"loss_scale", "good_steps"}
    assert after["loss_scale"] == 2.0**99


def test_two_replicas_do_what_one_device_does():
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("two_replicas.py")],
        check=False,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=1200,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = [line.split() for line in done.stdout.splitlines() if " " in line]
    assert [name for name, _ in found] == 3 * ["results", "weights"]
    assert max(float(difference) for _, difference in found) < 1e-6


def test_the_head_has_its_own_rate_and_decay():
    def moved(**train):
        learner = learner_of(**train)
        before = learner.state()
        take(learner, 0)
        after = learner.state()
        head = [f"network/{v.path}" for v in learner.network.head_variables]
        (kernel,) = (name for name in head if "kernel" in name)
        trained = {f"network/{v.path}" for v in learner.network.trainable_variables}
        rest = [(after[name] - before[name]).ravel() for name in sorted(trained - set(head))]
        return before[kernel], after[kernel] - before[kernel], np.concatenate(rest)

    kernel, plain, rest = moved(weight_decay=0.0)
    _, doubled, same = moved(weight_decay=0.0, head_rate=2.0)
    np.testing.assert_allclose(doubled, 2 * plain, rtol=1e-4, atol=1e-7)
    np.testing.assert_array_equal(same, rest)
    # A step of rate 1e-2 with half of a decay of 0.8 shrinks the kernel by 0.4 %.
    _, halved, _ = moved(weight_decay=0.8, head_decay=0.5)
    np.testing.assert_allclose(halved, plain - 0.004 * kernel, rtol=1e-4, atol=1e-6)
