"""The check at the start finds what trains without an error and badly."""

from types import SimpleNamespace

import pytest
import tensorflow as tf

from models.network import NetworkSpec, build_network
from pipeline.run.errors import UserError
from pipeline.train.loop.logit_check import check_logit
from pipeline.train.loop.loss import balanced_loss


@pytest.fixture(scope="module")
def network():
    return build_network(NetworkSpec("valid", 32, width=4))


def changed(network, call):
    """The network with something behind it."""

    def forward(x, training):
        return call(network(x, training=training))

    forward.spec, forward.head_variables = network.spec, network.head_variables
    return forward


def test_the_real_network_and_loss_pass_and_keep_their_weights(network):
    before = [v.numpy() for v in network.weights]
    check_logit(network, balanced_loss)
    assert all((v.numpy() == b).all() for v, b in zip(network.weights, before, strict=True))


def test_a_sigmoid_behind_the_logit_is_refused(network):
    with pytest.raises(UserError, match=r"linear unit.*Remove the sigmoid"):
        check_logit(changed(network, tf.sigmoid), balanced_loss)


def test_a_network_that_overflows_is_not_said_to_end_in_a_sigmoid(network):
    with pytest.raises(UserError, match=r"not finite.*train.precision=float32"):
        check_logit(changed(network, lambda z: z + float("inf") * 0), balanced_loss)


def test_a_sigmoid_in_front_of_the_loss_is_refused(network):
    with pytest.raises(UserError, match="cross-entropy from the logit"):
        check_logit(network, lambda z, t: balanced_loss(tf.sigmoid(z), t))


def test_a_loss_of_the_stored_probability_is_refused(network):
    def clipped(logits, targets):
        stored = tf.clip_by_value(tf.sigmoid(logits), 1e-2, 1 - 1e-2)
        return balanced_loss(tf.math.log(stored / (1 - stored)), targets)

    with pytest.raises(UserError, match="cross-entropy from the logit"):
        check_logit(network, clipped)


def test_half_precision_at_the_end_is_refused(network):
    with pytest.raises(UserError, match="must end in float32, not float16"):
        check_logit(changed(network, lambda z: tf.cast(z, tf.float16)), balanced_loss)


def test_two_units_are_refused():
    two = SimpleNamespace(
        spec=NetworkSpec("valid", 32), head_variables=[tf.zeros((1, 1, 8, 2)), tf.zeros(2)]
    )
    with pytest.raises(UserError, match="one unit with a kernel and a bias, not in 2"):
        check_logit(two, balanced_loss)
