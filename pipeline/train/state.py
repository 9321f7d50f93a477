"""How far a training is, apart from the learner's own variables; in and out of a checkpoint."""

from dataclasses import dataclass, field, fields

import numpy as np

from pipeline.model.validation import ImageScores
from pipeline.train.checkpoint import Checkpoint

PARTS = [part.name for part in fields(ImageScores)]


@dataclass(frozen=True)
class Best:
    """The weights that are exported: those of the best validation so far.

    Attributes:
        step: steps taken when they were validated.
        auc: of validation positions, None where validation lacks a class.
        weights: running average by name.
        scores: of every validation image.
    """

    step: int
    auc: float | None
    loss: float | None
    weights: dict[str, np.ndarray]
    scores: list[ImageScores]


@dataclass
class TrainingState:
    """What changes while a training runs.

    Attributes:
        step: steps taken.
        validated: step of the last finished validation.
        seconds: time that went into it, over all attempts.
        losses: of each step.
        precision: Keras policy, chosen once.
        history: one row per epoch.
        pending: scores of the unfinished validation.
    """

    step: int = 0
    validated: int = 0
    seconds: float = 0.0
    precision: str = ""
    losses: list[float] = field(default_factory=list)
    history: list[dict] = field(default_factory=list)
    best: Best | None = None
    pending: list[ImageScores] = field(default_factory=list)


def to_checkpoint(
    state: TrainingState, learner: dict[str, np.ndarray], identity: dict
) -> Checkpoint:
    """Everything in the form of a checkpoint.

    Args:
        identity: what the training was started with.
    """
    arrays = {f"learner/{name}": array for name, array in learner.items()}
    arrays["losses"] = np.array(state.losses, np.float32)
    arrays |= _pack("pending", state.pending)
    values = {
        "identity": identity,
        "step": state.step,
        "validated": state.validated,
        "seconds": state.seconds,
        "precision": state.precision,
        "history": state.history,
        "best": None,
    }
    if state.best:
        values["best"] = {n: getattr(state.best, n) for n in ("step", "auc", "loss")}
        arrays |= {f"best/weights/{name}": a for name, a in state.best.weights.items()}
        arrays |= _pack("best/scores", state.best.scores)
    return Checkpoint(arrays, values)


def from_checkpoint(checkpoint: Checkpoint) -> tuple[TrainingState, dict[str, np.ndarray]]:
    """The state and the learner's variables of a checkpoint."""
    arrays, values = checkpoint.arrays, checkpoint.values
    best = values["best"] and Best(
        weights=_below(arrays, "best/weights/"),
        scores=_unpack("best/scores", arrays),
        **values["best"],
    )
    state = TrainingState(
        step=values["step"],
        validated=values["validated"],
        seconds=values["seconds"],
        precision=values["precision"],
        losses=arrays["losses"].tolist(),
        history=values["history"],
        best=best,
        pending=_unpack("pending", arrays),
    )
    return state, _below(arrays, "learner/")


def history_text(history: list[dict]) -> str:
    """The history as CSV; unknown numbers are empty."""
    if not history:
        return ""
    lines = [",".join(history[0])]
    lines += [",".join("" if v is None else f"{v:.6g}" for v in row.values()) for row in history]
    return "\n".join(lines) + "\n"


def _below(arrays: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}


def _pack(name: str, scores: list[ImageScores]) -> dict[str, np.ndarray]:
    packed = {}
    for part in PARTS:
        pieces = [getattr(s, part) for s in scores]
        packed[f"{name}/{part}"] = np.concatenate([np.zeros(0, np.float32), *pieces])
        packed[f"{name}/{part}_counts"] = np.array([len(p) for p in pieces], np.int64)
    return packed


def _unpack(name: str, arrays: dict[str, np.ndarray]) -> list[ImageScores]:
    parts = []
    for part in PARTS:
        ends = np.cumsum(arrays[f"{name}/{part}_counts"])
        # Split behind every piece: the last one that comes out is what follows them, nothing.
        parts.append(np.split(arrays[f"{name}/{part}"], ends)[:-1] if len(ends) else [])
    return [ImageScores(*of_image) for of_image in zip(*parts, strict=True)]
