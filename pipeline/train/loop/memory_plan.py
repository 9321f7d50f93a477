"""What a training step takes of a device's memory, from its traced graph."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from pipeline.run.words import storage

# They pass on the memory that they are given.
_SAME_MEMORY = {"ExpandDims", "Identity", "IdentityN", "Reshape", "Squeeze", "StopGradient"}
# They show memory that is there anyhow: weights, constants, the batch, which are counted apart.
_NO_MEMORY = {"Const", "Placeholder", "ReadVariableOp", "VarHandleOp"}
# They are run as soon as what they look at is there, wherever they stand.
_AT_ONCE = {"Rank", "Shape", "ShapeN", "Size"}
# They write over what they are given where nobody else needs it.
_IN_PLACE = {"Add", "AddN", "AddV2", "BiasAdd", "BiasAddV1", "Maximum", "Minimum", "Mul", "Neg"}
_IN_PLACE |= {"RealDiv", "Relu", "Relu6", "Relu6Grad", "ReluGrad", "Select", "SelectV2", "Sub"}


@dataclass(frozen=True)
class MemoryPlan:
    """Bytes that a step takes of one device."""

    weights: int  # of the network and of its running average
    optimiser: int  # its two moments of each trained weight
    activations: int  # the most that is alive at once between the first and the last operation
    batch: int  # images and targets of the device's share of the batch
    crops: int  # so many are computed at once

    @property
    def total(self) -> int:
        """Bytes in all."""
        return self.weights + self.optimiser + self.activations + self.batch

    def with_crops(self, crops: int) -> "MemoryPlan":
        """The plan for fewer crops at once: activations grow with them."""
        activations = self.activations * crops // self.crops
        return MemoryPlan(self.weights, self.optimiser, activations, self.batch, crops)

    def text(self, free_bytes: int | None, *, where: str) -> str:
        """The plan beside the free memory, in words.

        Args:
            free_bytes: None where it is not known.
            where: whose memory.
        """
        free = "unknown" if free_bytes is None else storage(free_bytes)
        return (
            f"memory for training, planned: {storage(self.total)} of {free} free on {where}: "
            f"weights {storage(self.weights)}, optimiser {storage(self.optimiser)}, activations of "
            f"{self.crops} crops at once {storage(self.activations)}, batch {storage(self.batch)}"
        )


def largest_alive(graph: tf.Graph, *, rows: int) -> int:
    """Bytes of the tensors that are alive at once, at most, when a graph is run in its own order.

    What the kernels themselves take for a while, such as those of cuDNN, is not in it.

    Args:
        rows: stands for sizes that the graph leaves open.

    Returns:
        Of the device that has most.
    """
    operations = graph.get_operations()
    owner = _owners(operations)
    using = ((at, op) for at, op in enumerate(operations) if op.type not in _AT_ONCE)
    last = {owner[t.name]: at for at, op in using for t in op.inputs}
    last |= {owner[t.name]: len(operations) for t in getattr(graph, "outputs", ())}
    alive: dict[str, int] = defaultdict(int)  # bytes by device
    most: dict[str, int] = defaultdict(int)
    ending: dict[int, list[tuple[str, int]]] = defaultdict(list)
    for at, op in enumerate(operations):
        device, taken = op.device, 0
        if op.type not in _NO_MEMORY:
            for tensor in (t for t in op.outputs if owner[t.name] == t.name):
                size = _bytes(tensor, rows)
                ending[last.get(tensor.name, at)].append((device, size))
                taken += size
        left = ending.pop(at, [])
        alive[device] += taken
        in_place = min(taken, sum(size for _, size in left)) if op.type in _IN_PLACE else 0
        peak = alive[device] + _largest_in_loop(graph, op, rows) - in_place
        most[device] = max(most[device], peak)
        for where, size in left:
            alive[where] -= size
    return max(most.values(), default=0)


def _owners(operations: list[tf.Operation]) -> dict[str, str]:
    """By tensor the one whose memory it shows."""
    owner: dict[str, str] = {}
    for op in operations:
        shared = op.type in _SAME_MEMORY
        for number, tensor in enumerate(op.outputs):
            owner[tensor.name] = owner[op.inputs[number].name] if shared else tensor.name
    return owner


def _largest_in_loop(graph: tf.Graph, op: tf.Operation, rows: int) -> int:
    """Of the body of a loop."""
    if op.type not in ("While", "StatelessWhile"):
        return 0
    body = graph._functions[op.get_attr("body").name]
    return largest_alive(body.graph, rows=rows)


def _bytes(tensor: tf.Tensor, rows: int) -> int:
    if tensor.shape.rank is None or tensor.dtype in (tf.resource, tf.variant, tf.string):
        return 0
    sizes = [rows if size is None else size for size in tensor.shape]
    return int(np.prod(sizes, dtype=np.int64)) * tensor.dtype.size
