"""How far a training is, and the file that it goes on from.

RUN/training/checkpoint.safetensors holds the arrays; what is not an array is JSON in its header.
The file is replaced at once: after a crash the old or the new one is there, whole.
"""

import hashlib
import json
from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from pipeline.model.validation import ImageScores
from pipeline.run.atomic import write_atomic
from pipeline.run.csv_tables import csv_text
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder

_PARTS = [part.name for part in fields(ImageScores)]
# Of TrainingState, as they are.
_VALUES = ("step", "validated", "seconds", "precision", "micro_batch", "history")


@dataclass(frozen=True)
class Best:
    """The weights that are exported: those of the best validation so far."""

    step: int  # steps taken when they were validated
    auc: float | None  # of validation positions, None where validation lacks a class
    loss: float | None
    weights: dict[str, np.ndarray]  # running average by name


@dataclass
class TrainingState:
    """What changes while a training runs, apart from the learner's own variables."""

    step: int = 0  # steps taken
    validated: int = 0  # step of the last finished validation
    seconds: float = 0.0  # time that went into it, over all attempts
    precision: str = ""  # Keras policy, chosen once
    micro_batch: int = 0  # crops at once that train.micro_batch=auto has found; 0 before
    losses: list[float] = field(default_factory=list)  # of each step
    history: list[dict] = field(default_factory=list)  # one row per epoch
    best: Best | None = None
    pending: list[ImageScores] = field(default_factory=list)  # scores of the unfinished validation


@dataclass(frozen=True)
class Checkpoint:
    """An unfinished training."""

    state: TrainingState
    learner: dict[str, np.ndarray]  # variables by name, see `Learner.state`
    identity: dict[str, str]  # what the training was started with


def checkpoint_path(run: RunFolder) -> Path:
    """Where the checkpoint of a run lies."""
    return run.training / "checkpoint.safetensors"


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Replace the checkpoint."""
    state, best = checkpoint.state, checkpoint.state.best
    arrays = {f"learner/{name}": array for name, array in checkpoint.learner.items()}
    arrays |= {"losses": np.array(state.losses, np.float32), **_pack("pending", state.pending)}
    values = {name: getattr(state, name) for name in _VALUES}
    values |= {"identity": checkpoint.identity, "best": None}
    if best:
        values["best"] = {"step": best.step, "auc": best.auc, "loss": best.loss}
        arrays |= {f"best/weights/{name}": array for name, array in best.weights.items()}
    # safetensors writes the memory as it lies, so an array must lie in C order.
    ordered = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    text = json.dumps(values)
    header = {"values": text, "sha256": _checksum(ordered, text)}
    write_atomic(path, lambda temporary: save_file(ordered, str(temporary), metadata=header))


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
            header = file.metadata() or {}
        if header.get("sha256") != _checksum(arrays, header.get("values", "")):
            raise ValueError("its checksum is another")
        values = json.loads(header["values"])
    except (SafetensorError, ValueError) as error:
        raise UserError(
            f"{path} is damaged ({error}). Move it away to train from the beginning."
        ) from error
    best = values["best"] and Best(weights=_below(arrays, "best/weights/"), **values["best"])
    state = TrainingState(
        losses=arrays["losses"].tolist(),
        best=best,
        pending=_unpack("pending", arrays),
        **{name: values[name] for name in _VALUES if name in values},
    )
    return Checkpoint(state, _below(arrays, "learner/"), values["identity"])


def history_text(history: list[dict]) -> str:
    """The history as CSV; unknown numbers are empty."""
    if not history:
        return ""
    return csv_text(pd.DataFrame(history), float_format="%.6g")


def _checksum(arrays: dict[str, np.ndarray], values: str) -> str:
    digest = hashlib.sha256(values.encode())
    for name in sorted(arrays):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(arrays[name]).data)
    return digest.hexdigest()


def _below(arrays: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}


def _pack(name: str, scores: list[ImageScores]) -> dict[str, np.ndarray]:
    packed = {}
    for part in _PARTS:
        pieces = [getattr(score, part) for score in scores]
        packed[f"{name}/{part}"] = np.concatenate([np.zeros(0, np.float32), *pieces])
        packed[f"{name}/{part}_counts"] = np.array([len(piece) for piece in pieces], np.int64)
    return packed


def _unpack(name: str, arrays: dict[str, np.ndarray]) -> list[ImageScores]:
    parts = []
    for part in _PARTS:
        ends = np.cumsum(arrays[f"{name}/{part}_counts"])
        # Split behind every piece: the last one that comes out is what follows them, nothing.
        parts.append(np.split(arrays[f"{name}/{part}"], ends)[:-1] if len(ends) else [])
    return [ImageScores(*of_image) for of_image in zip(*parts, strict=True)]
