"""The network in training: one step on a batch, and everything that a checkpoint must keep."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from pipeline.config import TrainSettings
from pipeline.train.loop.loss import balanced_loss, units_loss
from pipeline.train.loop.optimiser import Optimiser, Trained

# float16 holds gradients down to 6e-8 only: the loss is scaled up until they overflow, then down.
FIRST_LOSS_SCALE, STEPS_TO_DOUBLE = 2.0**13, 500


class StepResult(NamedTuple):
    """What one step gave, as tensors, so that asking for it is left to the caller."""

    loss: tf.Tensor
    gradient_norm: tf.Tensor


class Learner:
    """A network, its running average and its optimiser under a tf.distribute strategy.

    Args:
        network: PatchNetwork that is trained, built in the strategy's scope.
        averaged: the same network in float32; holds the running average of the weights.
        scale_loss: needed for float16.
    """

    def __init__(
        self,
        network,
        averaged,
        *,
        train: TrainSettings,
        strategy: tf.distribute.Strategy,
        scale_loss: bool = False,
    ):
        self.network = network
        self.averaged = averaged
        # Other heads than one unit train on their units, and not on the logit made of them.
        self._trained_model = network if network.spec.head == "sigmoid" else network.units
        self._train = train
        self.strategy = strategy
        self._scale_loss = scale_loss
        weights, averages = network.named_weights, averaged.named_weights
        # Statistics of normalisations: the average of the weights needs the average of those.
        self._followed = [(v, averages[name]) for name, v in weights.items() if not v.trainable]
        frozen = train.backbone_rate == 0
        backbone = [] if frozen else network.backbone_layers(first=train.frozen_layers)
        names = {id(v): name for name, v in weights.items()}
        trained = [
            Trained(names[id(v)], v, averages[names[id(v)]], rate=rate, decay=decay)
            for variables, rate, decay in (
                (backbone, train.backbone_rate, 1.0),
                (network.head_variables, train.head_rate, train.head_decay),
            )
            for v in variables
        ]
        self._trained = [each.variable for each in trained]
        self._optimiser = Optimiser(trained, weight_decay=train.weight_decay, strategy=strategy)
        with strategy.scope():
            first = FIRST_LOSS_SCALE if scale_loss else 1.0
            self._loss_scale = tf.Variable(first, dtype=tf.float32, trainable=False)
            self._good_steps = tf.Variable(0, dtype=tf.int64, trainable=False)
        self._compiled = tf.function(self._distributed_step)

    def step(self, images, targets, *, step: int, rate: float, decay: float) -> StepResult:
        """Train on one batch.

        Args:
            images: (B, H, W, 1) float32, or the strategy's form of it.
            targets: (B, h, w) int8.
            step: number of the step; seeds the dropout.
            rate: learning rate.
            decay: decay of the running average.
        """
        numbers = tf.constant(step, tf.int64), tf.constant(rate), tf.constant(decay)
        return StepResult(*self._compiled(images, targets, *numbers))

    def loss(self, given, targets, *, total=tf.identity) -> tf.Tensor:
        """The loss of a step.

        Args:
            given: logits of a head of one unit, units of another.
            targets, total: see `balanced_loss`.
        """
        if self.network.spec.head == "sigmoid":
            return balanced_loss(given, targets, total=total)
        return units_loss(given, targets, head=self.network.spec.head, total=total)

    def state(self) -> dict[str, np.ndarray]:
        """Everything that the next step depends on, by name."""
        # Copies: on the CPU numpy() may show the variable's own memory.
        return {name: np.array(v.numpy()) for name, v in self._variables().items()}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Continue from `state`.

        Raises:
            ValueError: the names are not those of this network.
        """
        variables = self._variables()
        if variables.keys() != state.keys():
            raise ValueError(
                f"a checkpoint must hold {len(variables)} named arrays of this network, "
                f"{len(variables.keys() ^ state.keys())} differ"
            )
        for name, variable in variables.items():
            variable.assign(state[name])

    def _variables(self) -> dict:
        parts = {
            "network": self.network.named_weights,
            "averaged": self.averaged.named_weights,
            "optimiser": self._optimiser.state,
        }
        named = {f"{part}/{name}": v for part, of in parts.items() for name, v in of.items()}
        return named | {"loss_scale": self._loss_scale, "good_steps": self._good_steps}

    def _distributed_step(self, images, targets, step, rate, decay):
        # The statistics follow the crops of a step before its gradients are known.
        before = [tf.identity(variable.value) for variable, _ in self._followed]
        losses, norms, gradients = self.strategy.run(
            self._replica_gradients, args=(images, targets, step)
        )
        loss = self.strategy.reduce(tf.distribute.ReduceOp.SUM, losses, axis=None)
        norm = self.strategy.reduce(tf.distribute.ReduceOp.MEAN, norms, axis=None)
        finite = tf.math.is_finite(norm)
        self._optimiser.apply(gradients, rate=rate, decay=decay, finite=finite)
        for (variable, average), old in zip(self._followed, before, strict=True):
            self.strategy.extended.update(
                variable.value, lambda v, o: v.assign(tf.where(finite, v, o)), args=(old,)
            )
            self.strategy.extended.update(
                average.value,
                lambda a, v: a.assign(tf.where(finite, decay * a + (1 - decay) * v, a)),
                args=(variable.value,),
            )
        if self._scale_loss:
            self._adjust_loss_scale(finite)
        return loss, norm

    def _replica_gradients(self, images, targets, step):
        replica = tf.distribute.get_replica_context()
        if self.network.spec.dropout > 0:
            replica_id = tf.cast(replica.replica_id_in_sync_group, tf.int64)
            state = tf.stack([self._train.seed * 64 + replica_id, step])
            self.network.dropout_state.assign(tf.cast(state, tf.uint32))
        scale = tf.convert_to_tensor(self._loss_scale)
        with tf.GradientTape() as tape:
            given = self._trained_model(images, training=True)
            loss = self.loss(given, targets, total=lambda n: _sum_replicas(replica, n))
            scaled = loss * scale
        gradients = tape.gradient(scaled, [v.value for v in self._trained])
        # All replicas together first: clipping each part would clip something else.
        gradients = [g / scale for g in _sum_replicas(replica, gradients)]
        gradients, norm = tf.clip_by_global_norm(gradients, self._train.clip_norm)
        return loss, norm, gradients

    def _adjust_loss_scale(self, finite) -> None:
        good = tf.where(finite, self._good_steps + 1, 0)
        double = good >= STEPS_TO_DOUBLE
        factor = tf.where(finite, tf.where(double, 2.0, 1.0), 0.5)
        self._loss_scale.assign(tf.maximum(self._loss_scale * factor, 1.0))
        self._good_steps.assign(tf.where(double, tf.zeros_like(good), good))


def _sum_replicas(replica, value):
    if replica.num_replicas_in_sync == 1:
        return value
    return replica.all_reduce(tf.distribute.ReduceOp.SUM, value)
