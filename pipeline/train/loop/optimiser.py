"""AdamW with a rate for each variable, and the running average of the weights."""

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import tensorflow as tf

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-7


@dataclass(frozen=True)
class Trained:
    """A variable that is trained, as keras variables."""

    name: str
    variable: keras.Variable
    average: keras.Variable  # its running average
    rate: float = 1.0  # factor on the learning rate
    decay: float = 1.0  # factor on the weight decay


class Optimiser:
    """The state of AdamW and its update, the same on every replica.

    Kernels decay, biases and other vectors do not. A step whose gradients are not finite
    changes nothing, the averages neither.

    Args:
        weight_decay: decoupled decay: a step shrinks a kernel by rate * weight_decay.

    Source: Loshchilov, Hutter 2019, arXiv:1711.05101.
    """

    def __init__(
        self, trained: Sequence[Trained], *, weight_decay: float, strategy: tf.distribute.Strategy
    ):
        self._trained = trained
        self._weight_decay = weight_decay
        self._strategy = strategy
        with strategy.scope():
            self._first, self._second = (
                [tf.Variable(tf.zeros(t.variable.shape), trainable=False) for t in trained]
                for _ in range(2)
            )
            self._count = tf.Variable(0, dtype=tf.int64, trainable=False)

    @property
    def state(self) -> dict[str, tf.Variable]:
        """All variables of the optimiser by name."""
        named = {"count": self._count}
        for trained, first, second in zip(self._trained, self._first, self._second, strict=True):
            named |= {f"first/{trained.name}": first, f"second/{trained.name}": second}
        return named

    def apply(self, gradients, *, rate, decay, finite) -> None:
        """Update weights and averages; called outside the replicas.

        Args:
            gradients: one for each trained variable, already summed over the replicas.
            rate: learning rate, float32 scalar.
            decay: decay of the running average, float32 scalar.
            finite: bool scalar; False changes nothing.
        """
        self._count.assign_add(tf.cast(finite, tf.int64))
        count = tf.cast(tf.maximum(self._count, 1), tf.float32)
        correction = tf.sqrt(1 - BETA2**count) / (1 - BETA1**count)
        for trained, first, second, gradient in zip(
            self._trained, self._first, self._second, gradients, strict=True
        ):
            is_kernel = len(trained.variable.shape) > 1
            shrink = self._weight_decay * trained.decay if is_kernel else 0.0
            rates = trained.rate * rate * correction, trained.rate * rate * shrink
            arguments = (trained.average.value, first, second, gradient, *rates, decay, finite)
            self._strategy.extended.update(trained.variable.value, _update, args=arguments)


def _update(variable, average, first, second, gradient, rate, shrink, decay, finite) -> None:
    """One variable on one replica."""
    new_first = BETA1 * first + (1 - BETA1) * gradient
    new_second = BETA2 * second + (1 - BETA2) * tf.square(gradient)
    moved = rate * new_first / (tf.sqrt(new_second) + EPSILON) + shrink * variable
    changed = variable - moved
    first.assign(tf.where(finite, new_first, first))
    second.assign(tf.where(finite, new_second, second))
    variable.assign(tf.where(finite, changed, variable))
    average.assign(tf.where(finite, decay * average + (1 - decay) * variable, average))
