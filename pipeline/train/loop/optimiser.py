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
    changes nothing, the averages neither: its factors are 0 and 1, which takes no further pass
    over the weights.

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
            gradients: one for each trained variable, already summed over the replicas; finite,
                also where `finite` says that they were not.
            rate: learning rate, float32 scalar.
            decay: decay of the running average, float32 scalar.
            finite: bool scalar; False changes nothing.
        """
        self._count.assign_add(tf.cast(finite, tf.int64))
        count = tf.cast(tf.maximum(self._count, 1), tf.float32)
        correction = tf.sqrt(1 - BETA2**count) / (1 - BETA1**count)
        rate = tf.where(finite, rate, 0.0)
        keeping = [kept_and_added(of, finite) for of in (BETA1, BETA2, decay)]
        for trained, first, second, gradient in zip(
            self._trained, self._first, self._second, gradients, strict=True
        ):
            is_kernel = len(trained.variable.shape) > 1
            shrink = self._weight_decay * trained.decay if is_kernel else 0.0
            rates = trained.rate * rate * correction, trained.rate * rate * shrink
            arguments = (trained.average.value, first, second, gradient, *rates, keeping)
            self._strategy.extended.update(trained.variable.value, _update, args=arguments)


def clipped(gradients: Sequence[tf.Tensor], norm: float) -> tuple[list[tf.Tensor], tf.Tensor]:
    """Gradients of at most such a norm together, and the norm that they had.

    Where that is not finite all are 0, so that nothing else has to look at each of them.
    """
    had = tf.linalg.global_norm(gradients)
    factor = norm * tf.minimum(1 / had, 1 / norm)
    factor = tf.where(tf.math.is_finite(had), factor, 0.0)
    return [tf.math.multiply_no_nan(g, factor) for g in gradients], had


def kept_and_added(kept, finite) -> tuple[tf.Tensor, tf.Tensor]:
    """The factors of what is there and of what is added to it; 1 and 0 where not `finite`."""
    return tf.where(finite, kept, 1.0), tf.where(finite, 1 - kept, 0.0)


def _update(variable, average, first, second, gradient, rate, shrink, keeping) -> None:
    """One variable on one replica."""
    of_first, of_second, of_average = keeping
    first.assign(of_first[0] * first + of_first[1] * gradient)
    second.assign(of_second[0] * second + of_second[1] * tf.square(gradient))
    moved = rate * first / (tf.sqrt(second) + EPSILON) + shrink * variable
    variable.assign_sub(moved)
    average.assign(of_average[0] * average + of_average[1] * variable)
