"""The heads that are compared with one sigmoid: the same function, the same positions."""

import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import tensorflow as tf

from models.head import HEADS, units_of
from models.network import NetworkSpec, build_network
from pipeline.annotations.outlines import read_outlines
from pipeline.preprocess.tables import read_mammograms, read_positions
from pipeline.run.errors import UserError
from pipeline.train.data.corpus import kinds_of_findings, read_corpus
from pipeline.train.loop.logit_check import check_logit
from pipeline.train.loop.loss import balanced_loss, units_loss
from tests.train.toy_run import LABELS

RNG = np.random.default_rng(0)
IMAGES = tf.constant(RNG.random((2, 40, 40, 1), np.float32))
TARGETS = tf.constant(RNG.integers(-1, 2, (2, 3, 3)).astype(np.int8))


def network_with(head, *, kinds=0, **options):
    return build_network(
        NetworkSpec("valid", 32, width=4, dropout=0.0, head=head, kinds=kinds), seed=3, **options
    )


def sgd_logits(network, *, rate, decay, steps):
    """Logits before each step of plain SGD with L2 on the kernel; only the head learns."""
    kernel, bias = network.head_variables
    units, head = network.units, network.spec.head
    logits = []
    for _ in range(steps):
        logits.append(network(IMAGES, training=False).numpy())
        with tf.GradientTape() as tape:
            loss = units_loss(units(IMAGES, training=True), TARGETS, head=head)
            loss += decay / 2 * tf.reduce_sum(kernel.value**2)
        gradients = tape.gradient(loss, [kernel.value, bias.value])
        for variable, gradient in zip((kernel, bias), gradients, strict=True):
            variable.assign(variable - rate * gradient)
    return np.array(logits)


def test_softmax_and_matched_sigmoid_take_the_same_steps():
    softmax = sgd_logits(network_with("softmax"), rate=0.003, decay=0.2, steps=10)
    one = network_with("sigmoid", head_start="softmax")
    sigmoid = sgd_logits(one, rate=0.006, decay=0.1, steps=10)
    assert np.abs(softmax[-1] - softmax[0]).max() > 0.01  # it learns
    np.testing.assert_allclose(softmax, sigmoid, rtol=0, atol=1e-5)
    as_written = sgd_logits(
        network_with("sigmoid", head_start="softmax"), rate=0.003, decay=0.2, steps=10
    )
    assert np.abs(softmax - as_written).max() > 1e-4


@pytest.mark.parametrize("head", HEADS)
def test_every_head_ends_in_one_logit_of_some_abnormality(head):
    kinds = 3 if head.endswith("_kinds") else 0
    network = network_with(head, kinds=kinds)
    logit = network(IMAGES, training=False).numpy()
    assert logit.shape == (2, 3, 3)
    assert logit.dtype == np.float32
    z = network.units(IMAGES, training=False).numpy().astype(np.float64)
    assert z.shape[-1] == units_of(head, kinds)
    abnormal = {
        "sigmoid": lambda: 1 / (1 + np.exp(-z[..., 0])),
        "softmax": lambda: (np.exp(z) / np.exp(z).sum(-1, keepdims=True))[..., 1],
        "softmax_kinds": lambda: 1 - (np.exp(z) / np.exp(z).sum(-1, keepdims=True))[..., 0],
        "sigmoid_kinds": lambda: 1 - np.prod(1 - 1 / (1 + np.exp(-z)), axis=-1),
    }[head]()
    np.testing.assert_allclose(1 / (1 + np.exp(-logit)), abnormal, atol=1e-6)


@pytest.mark.parametrize("head", HEADS[1:])
def test_the_check_at_the_start_passes_the_other_heads_and_keeps_their_weights(head):
    network = network_with(head, kinds=3 if head.endswith("_kinds") else 0)
    before = network.head_variables[-1].numpy()
    check_logit(network, partial(units_loss, head=head))
    assert (network.head_variables[-1].numpy() == before).all()


def test_a_loss_that_is_not_that_of_the_units_is_refused():
    def of_the_first(units, targets):
        return balanced_loss(units[..., 0], targets)

    with pytest.raises(UserError, match=r"for label 0 must be 0\.000168"):
        check_logit(network_with("softmax"), of_the_first)


def test_a_softmax_read_the_wrong_way_round_is_refused():
    network = network_with("softmax")
    turned = type(network)(network.inputs, -network.outputs[0])
    turned.spec = network.spec
    with pytest.raises(UserError, match="output must be -8, not 8"):
        check_logit(turned, partial(units_loss, head="softmax"))


def test_the_reference_values_of_the_losses():
    """Two units 0.62 and -0.52: probabilities 0.75768 and 0.24232, loss 0.27749."""
    units = tf.constant([[0.62, -0.52]])
    np.testing.assert_allclose(tf.nn.softmax(units)[0], [0.75768, 0.24232], atol=1e-5)
    negative = units_loss(units, tf.constant([0], tf.int8), head="softmax")
    assert 2 * float(negative) == pytest.approx(0.27749, abs=1e-5)
    # The same function with one unit.
    one = balanced_loss(units[:, 1] - units[:, 0], tf.constant([0], tf.int8))
    assert float(one) == pytest.approx(float(negative), abs=1e-7)


def test_losses_that_tell_kinds_apart_by_hand():
    units = tf.constant([[[1.0, 2.0, 3.0]]])
    second = tf.constant([[0b10]], tf.int8)
    softmax = units_loss(units, second, head="softmax_kinds")  # classes: normal, first, second
    assert 2 * float(softmax) == pytest.approx(math.log(math.exp(-2) + math.exp(-1) + 1))
    both = tf.constant([[0b101]], tf.int8)
    expected = (math.log1p(math.exp(-1)) + math.log1p(math.exp(2)) + math.log1p(math.exp(-3))) / 3
    assert 2 * float(units_loss(units, both, head="sigmoid_kinds")) == pytest.approx(expected)


def test_targets_of_kinds_are_positive_at_the_same_positions(shared_toy_run):
    mammograms, outlines, positions = (
        read(shared_toy_run) for read in (read_mammograms, read_outlines, read_positions)
    )
    first = next(found for found in outlines.values() if found)
    first[0] = replace(first[0], kind="calcification")
    kinds = kinds_of_findings(mammograms, outlines)
    assert kinds == ("calcification", "mass")
    plain = read_corpus(mammograms, outlines, positions, labels=LABELS)
    marked = read_corpus(mammograms, outlines, positions, labels=LABELS, kinds=kinds)
    seen = set()
    for one, other in zip(plain.images, marked.images, strict=True):
        rows, cols = np.meshgrid(np.arange(0, 200, 7), np.arange(0, 160, 7), indexing="ij")
        labels, targets = one.targets(rows, cols), other.targets(rows, cols)
        assert (np.sign(targets) == labels).all()
        seen |= set(np.unique(targets))
    assert seen == {-1, 0, 1, 2}
