"""Which pixels a cell of a feature map depends on."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One convolution or pooling: its kernel, its stride and the zeros put before the map."""

    kernel: int
    stride: int = 1
    pad_before: int = 0


@dataclass(frozen=True)
class ReceptiveField:
    """Cell i depends on the pixels [start_px + i * stride_px, ... + size_px) along each axis."""

    size_px: int
    stride_px: int
    start_px: int


def receptive_field(steps: Iterable[Step]) -> ReceptiveField:
    """Compose the steps from the input onwards.

    Example:
        >>> receptive_field([Step(3, 2), Step(3)])
        ReceptiveField(size_px=7, stride_px=2, start_px=0)
    """
    size, stride, start = 1, 1, 0
    for step in steps:
        size += (step.kernel - 1) * stride
        start -= step.pad_before * stride
        stride *= step.stride
    return ReceptiveField(size, stride, start)
