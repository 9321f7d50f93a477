"""The finished model as a folder that is whole or absent."""

import os
import shutil
from pathlib import Path

from pipeline.run.atomic import json_text
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

    unfinished = run.root / f".{os.getpid()}.model"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    sha256 = save_weights(network, unfinished / WEIGHTS)
    (unfinished / HISTORY).write_text(history, encoding="utf-8")
    (unfinished / DESCRIPTION).write_text(json_text({**description, "sha256": sha256}))
    former = set_aside(run, run.model) if run.model.exists() else None
    unfinished.rename(run.model)
    return former
