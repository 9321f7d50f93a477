"""What the chief tells the processes that help it train: where the next network begins."""

from typing import NamedTuple

import tensorflow as tf

from pipeline.train.loop.device_errors import telling_lost_worker


class Task(NamedTuple):
    """The training of one network."""

    network: int  # its number in an ensemble, from 1; 0: there is nothing left to do
    step: int  # steps taken before
    goes_on: bool  # whether its checkpoint is read


NO_MORE = Task(0, 0, False)


def told_by_chief(strategy: tf.distribute.Strategy, own: Task = NO_MORE) -> Task:
    """The task that the chief gives, on all processes; they wait for each other here.

    Args:
        own: of this process; only the chief's counts.
    """

    def first_only(numbers):
        replica = tf.distribute.get_replica_context()
        is_first = tf.cast(replica.replica_id_in_sync_group == 0, tf.float32)
        return replica.all_reduce(tf.distribute.ReduceOp.SUM, is_first * numbers)

    with telling_lost_worker(strategy):
        numbers = tf.constant(own, tf.float32)  # whole ones, exact up to 16 million
        told = tf.function(lambda: strategy.run(first_only, args=(numbers,)))()
        network, step, goes_on = strategy.experimental_local_results(told)[0].numpy()
    return Task(int(network), int(step), bool(goes_on))
