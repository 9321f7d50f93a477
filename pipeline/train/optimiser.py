"""AdamW with a rate for each variable, and the running average of the weights."""

import tensorflow as tf

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-7


class Optimiser:
    """The state of AdamW and its update, the same on every replica.

    Kernels decay, biases and other vectors do not. A step whose gradients are not finite
    changes nothing.

    Args:
        weights: (variable, running average, factor on the learning rate, factor on the weight
            decay) for each trainable variable, as keras variables.
        weight_decay: decoupled decay: a step shrinks a kernel by rate * weight_decay.

    Source: Loshchilov, Hutter 2019, arXiv:1711.05101.
    """

    def __init__(self, weights, *, weight_decay: float, strategy: tf.distribute.Strategy):
        self._strategy = strategy
        with strategy.scope():
            self._slots = [
                (
                    variable,
                    average,
                    tf.Variable(tf.zeros(variable.shape), trainable=False),
                    tf.Variable(tf.zeros(variable.shape), trainable=False),
                    factor,
                    weight_decay * decay if len(variable.shape) > 1 else 0.0,
                )
                for variable, average, factor, decay in weights
            ]
            self._count = tf.Variable(0, dtype=tf.int64, trainable=False)

    @property
    def state(self) -> dict[str, tf.Variable]:
        """All variables of the optimiser by name."""
        named = {"count": self._count}
        for variable, _, first, second, _, _ in self._slots:
            named[f"first/{variable.path}"] = first
            named[f"second/{variable.path}"] = second
        return named

    def apply(self, gradients, *, rate, decay, finite) -> None:
        """Update weights and averages; called outside the replicas.

        Args:
            gradients: one per slot, already summed over the replicas.
            rate: learning rate, float32 scalar.
            decay: decay of the running average, float32 scalar.
            finite: bool scalar; False changes nothing.
        """
        self._count.assign_add(tf.cast(finite, tf.int64))
        count = tf.cast(tf.maximum(self._count, 1), tf.float32)
        correction = tf.sqrt(1 - BETA2**count) / (1 - BETA1**count)
        for (variable, average, first, second, factor, shrink), gradient in zip(
            self._slots, gradients, strict=True
        ):
            self._strategy.extended.update(
                variable.value,
                _update,
                args=(
                    average.value,
                    first,
                    second,
                    gradient,
                    factor * rate * correction,
                    factor * rate * shrink,
                    decay,
                    finite,
                ),
            )


def _update(variable, average, first, second, gradient, rate, shrink, decay, finite) -> None:
    """One variable on one replica."""
    new_first = BETA1 * first + (1 - BETA1) * gradient
    new_second = BETA2 * second + (1 - BETA2) * tf.square(gradient)
    moved = rate * new_first / (tf.sqrt(new_second) + EPSILON) + shrink * variable
    changed = variable - moved
    first.assign(tf.where(finite, new_first, first))
    second.assign(tf.where(finite, new_second, second))
    variable.assign(tf.where(finite, changed, variable))
    average.assign(decay * average + (1 - decay) * variable)
