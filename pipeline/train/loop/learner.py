"""The network in training: one step on a batch, and everything that a checkpoint must keep."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from models.dropout import dropout_rows
from models.recompute import recomputed
from pipeline.config import TrainSettings
from pipeline.train.data.grey_on_device import network_images
from pipeline.train.loop.loss import balanced_loss, class_counts, units_loss
from pipeline.train.loop.optimiser import Optimiser, Trained, clipped, kept_and_added

# float16 holds gradients down to 6e-8 only: the loss is scaled up until they overflow, then down.
FIRST_LOSS_SCALE, STEPS_TO_DOUBLE = 2.0**13, 500

_NUMBERS = tuple(tf.TensorSpec((), kind) for kind in (tf.int64, tf.float32, tf.float32))


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

    Attributes:
        micro_batch: crops that a device computes at once; 0: all of its share of a batch. The step
            is the same but for rounding.
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
        model = network if network.spec.head == "sigmoid" else network.units
        self._forward = recomputed(model) if train.recompute else model
        self._train = train
        self.strategy = strategy
        self._scale_loss = scale_loss
        self.micro_batch = 0
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
            images: (B, H, W, 1) float32 or StoredCrops, or the strategy's form of them.
            targets: (B, h, w) int8.
            step: number of the step; seeds the dropout.
        """
        numbers = tf.constant(step, tf.int64), tf.constant(rate), tf.constant(decay)
        # As a tensor: another size is no other function.
        part = tf.constant(self.micro_batch) if self.micro_batch else None
        return StepResult(*self._compiled(images, targets, *numbers, part))

    def attempt(self, images, targets) -> None:
        """Take a step on a batch and take it back.

        Raises:
            tf.errors.ResourceExhaustedError: a device has too little memory for it.
        """
        before = self.state()
        try:
            self.step(images, targets, step=0, rate=0.0, decay=1.0)
        finally:
            self.restore(before)

    def traced(self, images, targets) -> tf.Graph:
        """The graph of a step on batches of these specifications, which the step then uses."""
        part = tf.TensorSpec((), tf.int32) if self.micro_batch else None
        return self._compiled.get_concrete_function(images, targets, *_NUMBERS, part).graph

    @property
    def moments(self) -> list[tf.Variable]:
        """The state of the optimiser."""
        return list(self._optimiser.state.values())

    def loss(self, given, targets, counts=None) -> tf.Tensor:
        """The loss of a step.

        Args:
            given: logits of a head of one unit, units of another.
            targets, counts: see `balanced_loss`.
        """
        if self.network.spec.head == "sigmoid":
            return balanced_loss(given, targets, counts)
        return units_loss(given, targets, counts, head=self.network.spec.head)

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

    def _distributed_step(self, images, targets, step, rate, decay, part):
        # The statistics follow the crops of a step before its gradients are known.
        before = [tf.identity(variable.value) for variable, _ in self._followed]
        losses, norms, gradients = self.strategy.run(
            self._replica_gradients, args=(images, targets, step, part)
        )
        loss = self.strategy.reduce(tf.distribute.ReduceOp.SUM, losses, axis=None)
        norm = self.strategy.reduce(tf.distribute.ReduceOp.MEAN, norms, axis=None)
        finite = tf.math.is_finite(norm)
        self._optimiser.apply(gradients, rate=rate, decay=decay, finite=finite)
        update, kept, added = self.strategy.extended.update, *kept_and_added(decay, finite)
        for (variable, average), old in zip(self._followed, before, strict=True):
            update(variable.value, lambda v, o: v.assign(tf.where(finite, v, o)), args=(old,))
            follow = lambda a, v: a.assign(kept * a + added * v)  # noqa: E731
            update(average.value, follow, args=(variable.value,))
        if self._scale_loss:
            self._adjust_loss_scale(finite)
        return loss, norm

    def _replica_gradients(self, images, targets, step, part):
        replica, images = tf.distribute.get_replica_context(), network_images(images)
        counts = _sum_replicas(replica, class_counts(targets))
        scale = tf.convert_to_tensor(self._loss_scale)
        variables = [v.value for v in self._trained]
        seed = tf.stack([self._train.seed * 64, step])
        devices, share = replica.num_replicas_in_sync, tf.shape(images)[0]
        before = replica.replica_id_in_sync_group * share
        whole = None if devices == 1 and part is None else devices * share

        def of_part(first, images, targets):
            with dropout_rows(seed, first=before + first, whole=whole), tf.GradientTape() as tape:
                given = self._forward(images, training=True)
                loss = self.loss(given, targets, counts)
                scaled = loss * scale
            return loss, tape.gradient(scaled, variables)

        if part is None:
            loss, gradients = of_part(0, images, targets)
        else:
            shapes = [v.shape for v in self._trained]
            loss, gradients = accumulated(of_part, images, targets, part=part, shapes=shapes)
        # All replicas together first: clipping each part would clip something else.
        gradients = _sum_replicas(replica, gradients)
        if self._scale_loss:
            gradients = [g / scale for g in gradients]
        gradients, norm = clipped(gradients, self._train.clip_norm)
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


# First row, images and targets of a part -> its loss and gradients, which add up.
OfPart = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tuple[tf.Tensor, Sequence[tf.Tensor]]]


def accumulated(
    of_part: OfPart,
    images: tf.Tensor,
    targets: tf.Tensor,
    *,
    part: tf.Tensor,
    shapes: Sequence[tf.TensorShape],
) -> tuple[tf.Tensor, list[tf.Tensor]]:
    """Loss and gradients of a batch as the sums over its parts: only one needs memory at a time.

    Args:
        images: (B, H, W, 1), with `targets` (B, h, w).
        part: rows of a part; the last one may have fewer.
        shapes: of the gradients.
    """
    count = tf.shape(images)[0]

    def add(first, loss, sums):
        rows = slice(first, first + part)
        own, gradients = of_part(first, images[rows], targets[rows])
        return first + part, loss + own, [a + b for a, b in zip(sums, gradients, strict=True)]

    nothing = [tf.zeros(shape) for shape in shapes]
    _, loss, sums = tf.while_loop(
        lambda first, *_: first < count,
        add,
        (tf.constant(0), tf.constant(0.0), nothing),
        parallel_iterations=1,
    )
    return loss, sums
