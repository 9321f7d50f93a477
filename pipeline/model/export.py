"""The finished model as a folder that is whole or absent."""

import os
import shutil
from pathlib import Path

from pipeline.run.atomic import json_text
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder
from pipeline.train.checkpoint import set_aside

WEIGHTS, DESCRIPTION, HISTORY = "model.safetensors", "model.json", "history.csv"


def export_model(run: RunFolder, network, description: dict, *, history: str) -> Path | None:
    """Write RUN/model; a finished model that is there already is moved to RUN/set-aside.

    Args:
        network: PatchNetwork whose weights are the model's.
        description: model.json without the checksum of the weights.
        history: text of history.csv.

    Returns:
        Where the former model went; None where there was none.
    """
    from models.saved import save_weights

    unfinished = _empty_folder(run)
    sha256 = save_weights(network, unfinished / WEIGHTS)
    (unfinished / HISTORY).write_text(history, encoding="utf-8")
    (unfinished / DESCRIPTION).write_text(json_text({**description, "sha256": sha256}))
    return _put_in_place(run, unfinished)


def copy_model(run: RunFolder, source: Path, description: dict) -> Path | None:
    """Write RUN/model with the weights and the history of another model.

    Args:
        source: model folder.
        description: model.json, with the checksum of these weights.

    Returns:
        Where a former model of the run went; None where there was none.

    Raises:
        UserError: the model has no weights.
    """
    if not (source / WEIGHTS).is_file():
        raise UserError(f"{source / WEIGHTS} is missing: copy the model again, or train it again.")
    unfinished = _empty_folder(run)
    shutil.copyfile(source / WEIGHTS, unfinished / WEIGHTS)
    if (source / HISTORY).is_file():
        shutil.copyfile(source / HISTORY, unfinished / HISTORY)
    (unfinished / DESCRIPTION).write_text(json_text(description))
    return _put_in_place(run, unfinished)


def _empty_folder(run: RunFolder) -> Path:
    unfinished = run.root / f".{os.getpid()}.model"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    return unfinished


def _put_in_place(run: RunFolder, unfinished: Path) -> Path | None:
    former = set_aside(run, run.model) if run.model.exists() else None
    unfinished.rename(run.model)
    return former
