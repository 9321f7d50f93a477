"""The check at the start: what the network gives is a logit, and the loss takes it as one.

A sigmoid in front of a loss that applies another one trains without an error and badly: the loss
then sees probabilities of 0.5 to 0.73 only. So the very network and the very loss of the training
are tried on values that everybody can compute by hand.
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from pipeline.run.errors import UserError
from pipeline.train.loss import units_loss

_LOGITS = (-8.0, 8.0)
# Positive, negative; a class alone weighs one half.
_TEXTBOOK = {
    (-8.0, 1): 0.5 * 8.000335407,
    (-8.0, 0): 0.5 * 0.000335406,
    (8.0, 1): 0.5 * 0.000335406,
    (8.0, 0): 0.5 * 8.000335407,
}


def check_contract(network, loss: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]) -> None:
    """Set the last unit to -8 and +8 and compare the network's output and the loss.

    Args:
        network: keras model with `spec.patch_px` and `head_variables` (kernel and bias last).
            Its weights are the same afterwards.
        loss: the loss of the training step, of logits and targets.

    Raises:
        UserError: the network ends in several units, in another type than float32, in a sigmoid
            or another activation, or the loss is not the cross-entropy of these logits.
    """
    kernel, bias = _last_unit(network)
    before = kernel.numpy(), bias.numpy()
    try:
        kernel.assign(np.zeros_like(before[0]))
        for logit in _LOGITS:
            bias.assign(np.full_like(before[1], logit))
            output = _output(network)
            _check_output(output, logit)
            for label in (1, 0):
                _check_loss(loss, output, label, expected=_TEXTBOOK[logit, label])
    finally:
        kernel.assign(before[0])
        bias.assign(before[1])


def check_other_head(network) -> None:
    """The same for a head of several units, which is there to be compared with the one unit.

    Its units are set so that "some abnormality" has a logit of -8 and of +8; the network must
    give that, and the loss of a negative position must be the textbook's.

    Args:
        network: PatchNetwork whose `spec.head` is not sigmoid.

    Raises:
        UserError: it gives another logit or another loss.
    """
    head = network.spec.head
    kernel, bias = network.head_variables[-2:]
    before = kernel.numpy(), bias.numpy()
    units = network.units
    try:
        kernel.assign(np.zeros_like(before[0]))
        for logit in _LOGITS:
            bias.assign(_units_for(head, len(before[1]), logit))
            _check_output(_output(network), logit)
            share = 1 / len(before[1]) if head == "sigmoid_kinds" else 1.0
            side = network.spec.patch_px
            given = units(tf.zeros((1, side, side, 1), tf.float32), training=False)
            targets = tf.zeros(given.shape[:-1], tf.int8)
            found = float(units_loss(given, targets, head=head))
            if not np.isclose(found, share * _TEXTBOOK[logit, 0], rtol=1e-3, atol=1e-6):
                raise UserError(
                    f"The loss of head {head} at a negative position with a logit of {logit:g} "
                    f"must be {share * _TEXTBOOK[logit, 0]:.6f}, not {found:.6f}."
                )
    finally:
        kernel.assign(before[0])
        bias.assign(before[1])


def _units_for(head: str, units: int, logit: float) -> np.ndarray:
    """Values of the units that make the logit of "some abnormality" this one, all kinds alike."""
    if head == "sigmoid_kinds":  # softplus of each is an equal part of the whole's
        return np.full(units, np.log(np.expm1(np.logaddexp(0.0, logit) / units)), np.float32)
    kinds = np.full(units - 1, logit - np.log(units - 1))
    return np.concatenate([[0.0], kinds]).astype(np.float32)


def _last_unit(network):
    variables = network.head_variables
    units = [int(v.shape[-1]) for v in variables[-2:]]
    if units != [1, 1]:
        raise UserError(
            "The network must end in one unit with a kernel and a bias, not in "
            f"{units[-1] if units else 0}: the probability comes from one logit."
        )
    return variables[-2], variables[-1]


def _output(network) -> tf.Tensor:
    side = network.spec.patch_px
    return network(tf.zeros((1, side, side, 1), tf.float32), training=False)


def _check_output(output: tf.Tensor, logit: float) -> None:
    if output.dtype != tf.float32:
        raise UserError(f"The network must end in float32, not {output.dtype.name}.")
    found = np.unique(output.numpy())
    if not np.allclose(found, logit, atol=1e-4):
        raise UserError(
            f"The network must end in a linear unit: with a bias of {logit:g} and no weights its "
            f"output must be {logit:g}, not {found[0]:g}. Remove the sigmoid or other activation "
            "behind the logit; the loss works on logits."
        )


def _check_loss(loss, output: tf.Tensor, label: int, *, expected: float) -> None:
    found = float(loss(output, tf.fill(tf.shape(output), tf.constant(label, tf.int8))))
    if not np.isclose(found, expected, rtol=1e-3, atol=1e-6):
        raise UserError(
            f"The loss of a logit of {float(output.numpy().flat[0]):g} for label {label} must be "
            f"{expected:.6f} (binary cross-entropy from the logit, one half), not {found:.6f}."
        )
