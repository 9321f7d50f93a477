"""What a training starts from: its identity, an unfinished attempt, the first weights."""

import sys
from pathlib import Path

import pandas as pd

from pipeline.config import ImageSettings, NetworkSettings, Settings
from pipeline.model.card import NetworkCard, card_path, find_model, has_model, read_card
from pipeline.run.atomic import set_aside
from pipeline.run.checksum import file_sha256, value_sha256
from pipeline.run.csv_tables import csv_text
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder
from pipeline.train.checkpoint import Checkpoint, checkpoint_path, read_checkpoint

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
    model, mined = init_folder(settings.train.init), settings.train.mined
    return {
        "network settings": value_sha256(settings.network.model_dump(mode="json")),
        "train settings": value_sha256(train),
        "image settings": value_sha256(settings.image.model_dump(mode="json")),
        _MAPS: value_sha256(settings.maps.model_dump(mode="json")),
        "label settings": value_sha256(settings.labels.model_dump(mode="json")),
        "mammograms": value_sha256(what),
        "outlines": file_sha256(run.outlines),
        "positions": file_sha256(run.positions),
        "first weights": _first_weights(model, settings.network.weights),
        "mined false alarms": file_sha256(mined) if mined and mined.is_file() else "",
    }


def _first_weights(model: Path | None, weights: str) -> str:
    file = card_path(model) if model else Path(weights)
    return file_sha256(file) if file.is_file() else ""


def only_maps_differ(run: RunFolder, wanted: dict[str, str]) -> bool:
    """Whether RUN/model is what the wanted training would end with, but for its map settings."""
    found = finished_identity(run)
    return {name for name in wanted if found.get(name) != wanted[name]} == {_MAPS}


def finished_identity(run: RunFolder) -> dict[str, str]:
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
    found = checkpoint.values["identity"]
    changed = [name for name in wanted if found.get(name) != wanted[name]]
    if not changed:
        print(f"Continuing the unfinished training at step {checkpoint.values['step']}.")
        return checkpoint
    place = set_aside(run.training, run.set_aside)
    print(
        f"The unfinished training in {run.training} had other {', '.join(changed)}: moved to "
        f"{place}, starting from the beginning.",
        flush=True,
    )
    return None


def init_folder(init: Path | None) -> Path | None:
    """The model folder that train.init names, as run or as model folder.

    Raises:
        UserError: there is no finished model.
    """
    if init is None:
        return None
    if folder := find_model(init):
        return folder
    raise UserError(
        f"train.init={init} holds no finished model: neither {RunFolder(init).model_file} nor "
        f"{card_path(init)} exists."
    )


def patch_px(network: NetworkSettings, image: ImageSettings) -> int:
    """Side of the window of a position in standard pixels, even."""
    return 2 * round(network.patch_mm / image.spacing_mm / 2)


def core_px(network: NetworkSettings, image: ImageSettings) -> int:
    """Side of the middle of that window in standard pixels, even; 0 for none."""
    return 2 * round(network.core_mm / image.spacing_mm / 2)


def check_init(folder: Path, *, network: NetworkCard, image: ImageSettings) -> None:
    """Refuse a model of another network or another image scale.

    Args:
        folder: model folder to start from.
        network: what this run wants.

    Raises:
        UserError: they differ; names every difference.
    """
    card = read_card(folder)
    differences = [
        f"{section}.{name} is {value!r} here and {getattr(found, name)!r} there"
        for section, wanted, found in (
            ("network", network, card.network),
            ("image", image, card.image),
        )
        for name, value in wanted
        # Dropout has no weights.
        if getattr(found, name) != value and name != "dropout"
    ]
    if differences:
        raise UserError(
            f"The model in {folder} (train.init) must have the network and the image settings of "
            f"this run: {'; '.join(differences)}."
        )


def warn(text: str) -> None:
    """Say something that does not stop the training."""
    print(f"train: warning: {text}", file=sys.stderr, flush=True)
