"""What a training depends on: whether it is finished, goes on, or starts from the beginning."""

from pathlib import Path

import pandas as pd

from pipeline.config import Settings
from pipeline.model.card import card_path, find_model, has_model, read_card
from pipeline.run.atomic import set_aside
from pipeline.run.checksum import file_sha256, value_sha256
from pipeline.run.csv_tables import csv_text
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder
from pipeline.train.data.inputs import warn
from pipeline.train.loop.checkpoint import Checkpoint, checkpoint_path, read_checkpoint

# They change how a training runs, and not what comes out of it.
_EFFORT_SETTINGS = {"checkpoint_seconds", "readers"}
# Name in the identity of what only the end of a training needs, and its choice among epochs.
_MAPS = "map settings"
# Where things lie, not what they are; pixel_sha256 and the image settings say that.
_PLACES = ["file", "source", "store"]


def identity(run: RunFolder, settings: Settings, mammograms: pd.DataFrame) -> dict[str, str]:
    """Checksums of everything that the training depends on, by name.

    A checkpoint is continued only where all of them are the same.
    """
    what = csv_text(mammograms.drop(columns=_PLACES))
    train = settings.train.model_dump(mode="json", exclude=_EFFORT_SETTINGS)
    model, mined = model_to_start_from(settings), settings.train.mined
    first = card_path(model) if model else Path(settings.network.weights)
    sections = {
        "network settings": settings.network,
        "image settings": settings.image,
        _MAPS: settings.maps,
        "label settings": settings.labels,
    }
    return {
        "train settings": value_sha256(train),
        **{name: value_sha256(part.model_dump(mode="json")) for name, part in sections.items()},
        "mammograms": value_sha256(what),
        "outlines": file_sha256(run.outlines),
        "positions": file_sha256(run.positions),
        "first weights": file_sha256(first) if first.is_file() else "",
        "mined false alarms": file_sha256(mined) if mined and mined.is_file() else "",
    }


def model_to_start_from(settings: Settings) -> Path | None:
    """The model folder that train.init names, as run or as model folder.

    Raises:
        UserError: there is no finished model.
    """
    init = settings.train.init
    if init is None:
        return None
    if folder := find_model(init):
        return folder
    raise UserError(
        f"train.init={init} holds no finished model: neither {RunFolder(init).model_file} nor "
        f"{card_path(init)} exists."
    )


def is_finished(run: RunFolder, wanted: dict[str, str]) -> bool:
    """Whether RUN/model is what the wanted training would end with."""
    return _finished_identity(run) == wanted


def only_maps_differ(run: RunFolder, wanted: dict[str, str]) -> bool:
    """Whether RUN/model is what the wanted training would end with, but for its map settings."""
    found = _finished_identity(run)
    return {name for name in wanted if found.get(name) != wanted[name]} == {_MAPS}


def _finished_identity(run: RunFolder) -> dict[str, str]:
    """The identity of the training of RUN/model; empty where there is none of this format."""
    if not has_model(run.model):
        return {}
    try:
        return read_card(run.model).training.identity
    except UserError as error:  # it is set aside when the new training is finished
        warn(f"the model that is there is not continued: {error}")
        return {}


def unfinished(run: RunFolder, wanted: dict[str, str]) -> Checkpoint | None:
    """The checkpoint to continue from, if there is one with the wanted identity.

    A checkpoint of another training is moved to RUN/set-aside and named on standard output.
    """
    checkpoint = read_checkpoint(checkpoint_path(run))
    if checkpoint is None:
        return None
    found = checkpoint.identity
    changed = [name for name in wanted if found.get(name) != wanted[name]]
    if not changed:
        print(f"Continuing the unfinished training at step {checkpoint.state.step}.")
        return checkpoint
    place = set_aside(run.training, run.set_aside)
    print(
        f"The unfinished training in {run.training} had other {', '.join(changed)}: moved to "
        f"{place}, starting from the beginning.",
        flush=True,
    )
    return None
