"""What a training depends on: whether it is finished, goes on, or starts from the beginning."""

from dataclasses import replace
from pathlib import Path

import pandas as pd

from pipeline.config import Settings, TrainSettings
from pipeline.config.effort import EFFORT_SETTINGS
from pipeline.model.card import card_path, find_model, has_model, read_card
from pipeline.run.atomic import set_aside
from pipeline.run.checksum import file_sha256, value_sha256
from pipeline.run.csv_tables import csv_text
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder
from pipeline.train.data.inputs import warn
from pipeline.train.loop.checkpoint import Checkpoint, checkpoint_path, read_checkpoint

# Names in the identity of what only the end of a training needs; maps choose among epochs as well.
_MAPS, _THRESHOLD = "map settings", "threshold settings"
# Settings that older code did not have: what it trained is what their defaults train.
_LATER = ("grey_on_device",)
# Where things lie, not what they are; pixel_sha256 and the image settings say that.
_PLACES = ["file", "source", "store"]


def identity(run: RunFolder, settings: Settings, mammograms: pd.DataFrame) -> dict[str, str]:
    """Checksums of everything that the training depends on, by name.

    A checkpoint is continued only where all of them are the same, but for the threshold.
    """
    what = csv_text(mammograms.drop(columns=_PLACES))
    train = settings.train.model_dump(
        mode="json", exclude={*EFFORT_SETTINGS["train"], "fp_per_image"}
    )
    for name in _LATER:
        if train[name] == TrainSettings.model_fields[name].default:
            del train[name]
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
        _THRESHOLD: value_sha256(settings.train.fp_per_image),
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
    return not _changed(run, wanted)


def only_ending_differs(run: RunFolder, wanted: dict[str, str]) -> bool:
    """Whether RUN/model has the weights of the wanted training: only what follows differs."""
    changed = _changed(run, wanted)
    return bool(changed) and changed <= {_MAPS, _THRESHOLD}


def _changed(run: RunFolder, wanted: dict[str, str]) -> set[str]:
    """In what the training of RUN/model differs; all of it where there is none of this format."""
    found: dict[str, str] = {}
    if has_model(run.model):
        try:
            found = read_card(run.model).training.identity
        except UserError as error:  # it is set aside when the new training is finished
            warn(f"the model that is there is not continued: {error}")
    return {name for name in wanted | found if found.get(name) != wanted.get(name)}


def unfinished(run: RunFolder, wanted: dict[str, str]) -> Checkpoint | None:
    """The checkpoint to continue from with the wanted identity, if there is one.

    A checkpoint of another training is moved to RUN/set-aside and named on standard output.
    """
    checkpoint = read_checkpoint(checkpoint_path(run))
    if checkpoint is None:
        return None
    found = checkpoint.identity
    changed = [n for n in wanted if found.get(n) != wanted[n] and n != _THRESHOLD]
    if not changed:
        print(f"Continuing the unfinished training at step {checkpoint.state.step}.")
        return replace(checkpoint, identity=wanted)
    place = set_aside(run.training, run.set_aside)
    print(
        f"The unfinished training in {run.training} had other {', '.join(changed)}: moved to "
        f"{place}, starting from the beginning.",
        flush=True,
    )
    return None
