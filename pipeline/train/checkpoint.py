"""The checkpoint: everything of an unfinished training in one file that is replaced at once.

RUN/training/checkpoint.safetensors holds the arrays; what is not an array is JSON in its header.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from pipeline.run.atomic import write_atomic
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder


@dataclass(frozen=True)
class Checkpoint:
    """Arrays by name, and values that JSON can hold."""

    arrays: dict[str, np.ndarray]
    values: dict


def checkpoint_path(run: RunFolder) -> Path:
    """Where the checkpoint of a run lies."""
    return run.training / "checkpoint.safetensors"


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Replace the checkpoint; after a crash the old or the new one is there, whole."""
    header = {"values": json.dumps(checkpoint.values)}
    # safetensors writes the memory as it lies, so an array must lie in C order.
    arrays = {name: np.asarray(a, order="C") for name, a in checkpoint.arrays.items()}
    write_atomic(path, lambda temporary: save_file(arrays, str(temporary), metadata=header))


def read_checkpoint(path: Path) -> Checkpoint | None:
    """Read a checkpoint; None where there is none.

    Raises:
        UserError: the file is damaged.
    """
    if not path.is_file():
        return None
    try:
        with safe_open(str(path), framework="numpy") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return Checkpoint(arrays, json.loads(file.metadata()["values"]))
    except SafetensorError as error:
        raise UserError(
            f"{path} is damaged ({error}). Move it away to train from the beginning."
        ) from error
