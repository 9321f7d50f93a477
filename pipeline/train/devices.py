"""The devices that share a training: train.devices as a strategy of tf.distribute."""

import os
from functools import cache

import tensorflow as tf

from models.network import PatchNetwork
from pipeline.config import TrainSettings
from pipeline.run.errors import UserError


def strategy_of(train: TrainSettings) -> tf.distribute.Strategy:
    """The strategy that the settings ask for.

    Raises:
        UserError: TF_CONFIG does not name processes, or they cannot share a batch.
    """
    if train.devices == "workers":
        strategy = _of_workers()
        count = strategy.num_replicas_in_sync
        if train.batch % count:
            raise UserError(
                f"train.batch={train.batch} must be a multiple of {count}, the devices of all "
                "processes of TF_CONFIG together."
            )
        return strategy
    names = _names()
    # As many as can share the batch evenly: each then has its rows of it.
    count = max(n for n in range(1, len(names) + 1) if train.batch % n == 0)
    if train.devices == "one" or count == 1:
        return tf.distribute.get_strategy()
    if count < len(names):
        print(
            f"train.devices=all: {count} of {len(names)}, among which train.batch={train.batch} "
            "can be divided evenly.",
            flush=True,
        )
    return _mirrored(tuple(names[:count]))


def adapt_normalisations(
    network: PatchNetwork, train: TrainSettings, strategy: tf.distribute.Strategy
) -> None:
    """Let normalisations that follow the batch see the batch of all devices.

    Raises:
        UserError: the settings would show them a part of it only.
    """
    if network.is_frozen or not network.normalisations:
        return
    asked = [f"train.{n}={v}" for n in ("micro_batch", "recompute") if (v := getattr(train, n))]
    if asked:
        raise UserError(
            f"{' and '.join(asked)} does not go with backbone {network.spec.backbone} from "
            "network.weights=none, whose batch normalisations follow the whole batch. Start from "
            "network.weights=imagenet, which keeps them as they are, or take backbone valid or "
            "efficientnet_lite0."
        )
    for layer in network.normalisations:
        layer.synchronized = strategy.num_replicas_in_sync > 1


def _names() -> list[str]:
    kind = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    return [device.name for device in tf.config.list_logical_devices(kind)]


@cache
def _mirrored(names: tuple[str, ...]) -> tf.distribute.Strategy:
    return tf.distribute.MirroredStrategy(list(names))


@cache  # once in a process: the networks of an ensemble share it
def _of_workers() -> tf.distribute.Strategy:
    if not os.environ.get("TF_CONFIG"):
        raise UserError(
            "train.devices=workers needs TF_CONFIG, which names the processes: docs/cloud.md "
            "shows it. For the GPUs of one machine take train.devices=all."
        )
    return tf.distribute.MultiWorkerMirroredStrategy()
