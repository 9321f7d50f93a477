"""How many crops a device computes at once: the largest number whose step fits in its memory."""

from collections.abc import Callable

from pipeline.train.loop.memory_plan import MemoryPlan
from pipeline.train.loop.out_of_memory import OutOfMemory


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
