"""What is said, and done, when a device has too little memory or a process that helps is gone."""

from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf

from pipeline.config import TrainSettings
from pipeline.run.errors import UserError


class OutOfMemory(UserError):
    """A step needs more memory than its device has; names settings that need less.

    Attributes:
        crops: so many were computed at once.
    """

    def __init__(self, text: str, crops: int):
        super().__init__(text)
        self.crops = crops


@contextmanager
def telling_out_of_memory(train: TrainSettings, *, crops: int, size_px: int) -> Iterator[None]:
    """Turn TensorFlow's report of an allocation that failed into a sentence.

    Args:
        crops: computed at once, each of `size_px` pixels a side.

    Raises:
        OutOfMemory: a step inside did not get its memory.
    """
    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        raise OutOfMemory(_sentence(train, crops, size_px), crops) from error


def _sentence(train: TrainSettings, crops: int, size_px: int) -> str:
    ways = []
    if train.micro_batch != "auto" and crops > 1:
        ways.append('SET="train.micro_batch=auto" (parts of the batch in turn, the same training)')
    if not train.recompute:
        ways.append('SET="train.recompute=true" (less memory for a third more time)')
    if train.devices == "one":
        ways.append('SET="train.devices=all" (divides the batch among the GPUs)')
    if train.precision == "float32":
        ways.append('SET="train.precision=mixed_bfloat16" (half the memory on a newer GPU)')
    smaller = f'SET="train.crop_mm={train.crop_mm * 0.75:g}"'
    ways += [
        f"{smaller} (smaller crops: another training)",
        f'SET="train.batch={max(train.batch // 2, 1)}" (another training)',
        'SET="network.backbone=valid" (a smaller network: another training)',
    ]
    return (
        f"The device has too little memory for {crops} crops of {size_px} px at once. Close what "
        f"else uses it, or give the same command with one of: {'; '.join(ways[:3])}."
    )


_LOST = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
    tf.errors.UnavailableError,
)


@contextmanager
def telling_lost_worker(strategy: tf.distribute.Strategy) -> Iterator[None]:
    """Turn what TensorFlow says of a lost peer into a sentence.

    Raises:
        UserError: another process of the training did not answer any more.
    """
    try:
        yield
    except _LOST as error:
        if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
            raise
        raise UserError(
            "Another process of this training is gone. Give the same command again on all of "
            f"them: it goes on from the last checkpoint. TensorFlow says: {str(error)[:200]}"
        ) from error
