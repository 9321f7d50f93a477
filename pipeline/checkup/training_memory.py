"""Does a training fit into the memory of this machine: its plan, before there are data."""

import tensorflow as tf

from models.keras_backbone import APPLICATIONS
from models.precision import training_policy
from pipeline.checkup.check import OK, PROBLEM, Check
from pipeline.config import Settings
from pipeline.run.errors import UserError
from pipeline.train.data.samples import sample_spec
from pipeline.train.devices import strategy_of
from pipeline.train.loop.memory_plan import MemoryPlan
from pipeline.train.memory import MACHINE, free_bytes, plan_memory
from pipeline.train.one_network import build_learner, crop_shape

_TOPIC = "Cores and memory"
# What TensorFlow and the readers take of this machine beside the plan, measured.
_BESIDE_BYTES = 0.8e9


def training_check(settings: Settings) -> Check:
    """Memory against the plan of the training."""
    try:
        plan = planned(settings)
    except UserError as error:  # the network does not fit its settings
        return Check(_TOPIC, PROBLEM, f"training: {error}")
    free, where = free_bytes()
    needed = plan.total + (_BESIDE_BYTES if where == MACHINE else 0)
    state, advice = OK, ""
    if free is not None and needed > free:
        state = PROBLEM
        advice = 'Divide the batch, SET="train.micro_batch=auto", or SET="train.recompute=true"'
    return Check(_TOPIC, state, plan.text(free, where=where), advice)


def planned(settings: Settings) -> MemoryPlan:
    """The plan of a training.

    Weights are not read or downloaded. A network of keras.applications is planned as if it were
    trained from the beginning, all crops at once, which is the most that it takes.
    """
    other: dict = {"init": None, "devices": "one"}
    if settings.network.backbone in APPLICATIONS:
        other |= {"micro_batch": None, "recompute": False}
    train = settings.train.model_copy(update=other)
    network = settings.network.model_copy(update={"weights": "none"})
    settings = settings.model_copy(update={"train": train, "network": network})
    precision = training_policy() if train.precision == "auto" else train.precision
    learner = build_learner(settings, strategy_of(train), precision=precision, kinds=2)
    shape, batch, asked = crop_shape(settings, learner.network), train.batch, train.micro_batch
    learner.micro_batch = asked if isinstance(asked, int) and asked < batch else 0
    spec = tf.nest.map_structure(
        lambda each: tf.TensorSpec((batch, *each.shape), each.dtype), sample_spec(shape, train)
    )
    return plan_memory(learner, spec, share=batch)
