"""What is said when a process that shares a training is gone."""

from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf

from pipeline.run.errors import UserError

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
