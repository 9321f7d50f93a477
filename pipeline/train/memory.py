"""The memory of a training: planned beside what is free, and the micro-batch that fits in it."""

import math
from collections.abc import Callable, Iterable

import tensorflow as tf

from pipeline.run.errors import UserError
from pipeline.run.hardware import free_gpu_bytes, free_memory_bytes
from pipeline.run.words import storage
from pipeline.train.data.inputs import warn
from pipeline.train.loop.device_errors import OutOfMemory
from pipeline.train.loop.learner import Learner
from pipeline.train.loop.memory_plan import MemoryPlan, largest_alive
from pipeline.train.loop.training_loop import TrainingLoop

# Of what is free; the rest is for kernels, readers and validation maps, which are not in a plan.
_USABLE = 0.8
GPU, MACHINE = "the GPU", "this machine"


def fit_to_memory(loop: TrainingLoop) -> None:
    """Print the plan, and choose how many crops a device computes at once.

    Raises:
        OutOfMemory: train.micro_batch=auto, and one crop is too much.
        UserError: the setting does not go with the strategy.
    """
    train, learner, state = loop.train, loop.learner, loop.state
    share = loop.share
    auto = train.micro_batch == "auto"
    if auto and train.devices == "workers":
        raise UserError(
            "train.micro_batch=auto tries steps, which processes cannot do one by one. Find the "
            'number with train.devices=one, then give it, e.g. SET="train.micro_batch=4".'
        )
    known = train.micro_batch if isinstance(train.micro_batch, int) else share
    known = state.micro_batch if auto else known
    learner.micro_batch = known if known < share else 0
    plan = plan_memory(learner, loop.batches().element_spec, share=share)
    free, where = free_bytes()
    if auto and not known:
        limit = _USABLE * free if free and where == MACHINE else None
        state.micro_batch = largest_that_fits(share, loop.attempt, plan=plan, limit_bytes=limit)
        plan = plan.with_crops(state.micro_batch)
        print(f"train.micro_batch=auto: {state.micro_batch} of {share} crops at once", flush=True)
    print(plan.text(free, where=where), flush=True)
    if free is not None and plan.total > free:
        warn(
            f"training may take {storage(plan.total)}, more than is free. Where it ends for that, "
            'give the same command with SET="train.micro_batch=auto" or SET="train.recompute=true".'
        )


def free_bytes() -> tuple[int | None, str]:
    """What training can take of the memory that it uses, None where unknown; whose that is."""
    if tf.config.list_logical_devices("GPU"):
        return free_gpu_bytes(), GPU
    return free_memory_bytes(), MACHINE


def plan_memory(learner: Learner, batch_spec, *, share: int) -> MemoryPlan:
    """The plan of the very step that will be taken.

    Args:
        batch_spec: element_spec of the batches.
        share: crops of a batch that a device gets.
    """
    crops = learner.micro_batch or share
    of_one = [  # of the first of several devices
        getattr(spec, "_value_specs", (spec,))[0] for spec in tf.nest.flatten(batch_spec)
    ]
    return MemoryPlan(
        weights=_bytes([*learner.network.weights, *learner.averaged.weights]),
        optimiser=_bytes(learner.moments),
        activations=largest_alive(learner.traced(*batch_spec), rows=crops),
        batch=share * sum(math.prod(spec.shape[1:]) * spec.dtype.size for spec in of_one),
        crops=crops,
    )


def _bytes(variables: Iterable) -> int:
    return sum(4 * math.prod(variable.shape) for variable in variables)


def micro_batches(share: int) -> list[int]:
    """What may be computed at once of so many crops: all, or a power of two; largest first.

    Example:
        >>> micro_batches(12), micro_batches(8)
        ([12, 8, 4, 2, 1], [8, 4, 2, 1])
    """
    return [share, *(2**n for n in reversed(range((share - 1).bit_length())))]


def largest_that_fits(
    share: int, attempt: Callable[[int], None], *, plan: MemoryPlan, limit_bytes: float | None
) -> int:
    """Try a real step with fewer and fewer crops at once.

    Args:
        share: crops of a batch that a device gets.
        attempt: takes a step with so many at once.
        plan: of the whole share.
        limit_bytes: what a plan may take, for a device that promises more memory than it has: a
            processor is killed instead of told. None where the device itself says no.

    Raises:
        OutOfMemory: not even a single crop fits.
    """
    numbers = micro_batches(share)
    if limit_bytes is not None:
        fits = [n for n in numbers if plan.with_crops(n).total <= limit_bytes]
        numbers = fits or [1]
    for crops in numbers:
        try:
            attempt(crops)
        except OutOfMemory:
            if crops == 1:
                raise
        else:
            return crops
    raise AssertionError("the last attempt is of one crop")
