"""The check at the start: what the network gives is a logit, and the loss takes it as one.

A sigmoid in front of a loss that applies another one trains without an error and badly: the loss
then sees probabilities of 0.5 to 0.73 only. So the very network and the very loss of the training
are tried on values that everybody can compute by hand. Heads of several units, which are there to
be compared with the one, must give the logit of "some abnormality" and the loss of a negative.
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from pipeline.run.errors import UserError

# Cross-entropy by logit and label, positive or negative.
_TEXTBOOK = {
    -8.0: {1: 8.000335407, 0: 0.000335406},
    8.0: {1: 0.000335406, 0: 8.000335407},
}


def check_logit(network, loss: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]) -> None:
    """Set the last layer to a logit of -8 and +8 and compare the network's output and the loss.

    Args:
        network: PatchNetwork, whose weights are the same afterwards.
        loss: the loss of the training step, of targets and the logits of a head of one unit, or
            the units of another.

    Raises:
        UserError: the network ends in several units though its head has one, in another type than
            float32, in a sigmoid or another activation, its features overflow, or the loss is
            not the cross-entropy of the logit.
    """
    head, has_one_unit = network.spec.head, network.spec.head == "sigmoid"
    kernel, bias = network.head_variables
    units = int(bias.shape[0])
    if has_one_unit and units != 1:
        raise UserError(
            "The network must end in one unit with a kernel and a bias, not in "
            f"{units}: the probability comes from one logit."
        )
    side = network.spec.patch_px
    black = tf.zeros((1, side, side, 1), tf.float32)
    before = kernel.numpy(), bias.numpy()
    try:
        kernel.assign(np.zeros_like(before[0]))
        for logit, losses in _TEXTBOOK.items():
            bias.assign(_units_of(head, units, logit))
            given, cases = network(black, training=False), losses
            _check_output(given, logit)
            if not has_one_unit:
                share = 1 / units if head == "sigmoid_kinds" else 1.0
                given, cases = network.units(black, training=False), {0: share * losses[0]}
            for label, expected in cases.items():
                targets = tf.fill(given.shape[:3], tf.constant(label, tf.int8))
                found, half = float(loss(given, targets)), expected / 2  # a class alone weighs half
                if not np.isclose(found, half, rtol=1e-3, atol=1e-6):
                    raise UserError(
                        f"The loss of a logit of {logit:g} for label {label} must be {half:.6f} "
                        f"(binary cross-entropy from the logit, one half), not {found:.6f}."
                    )
    finally:
        kernel.assign(before[0])
        bias.assign(before[1])


def _check_output(output: tf.Tensor, logit: float) -> None:
    if output.dtype != tf.float32:
        raise UserError(f"The network must end in float32, not {output.dtype.name}.")
    found = np.unique(output.numpy())
    if not np.isfinite(found).all():
        raise UserError(
            "The features of a black window are not finite in the precision of this training. "
            "Set train.precision=float32, or begin with network.weights=imagenet, whose "
            "normalisations keep them small."
        )
    if not np.allclose(found, logit, atol=1e-4):
        raise UserError(
            f"The network must end in a linear unit: with a bias of {logit:g} and no weights its "
            f"output must be {logit:g}, not {found[0]:g}. Remove the sigmoid or other activation "
            "behind the logit; the loss works on logits."
        )


def _units_of(head: str, units: int, logit: float) -> np.ndarray:
    """Units that make the logit of "some abnormality" this one, all kinds alike."""
    if head == "sigmoid":
        return np.full(1, logit, np.float32)
    if head == "sigmoid_kinds":  # softplus of each is an equal part of the whole's
        return np.full(units, np.log(np.expm1(np.logaddexp(0.0, logit) / units)), np.float32)
    kinds = np.full(units - 1, logit - np.log(units - 1))
    return np.concatenate([[0.0], kinds]).astype(np.float32)
