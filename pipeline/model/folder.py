"""A model as a folder that is whole or absent: card, weights, history of the training."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.model.card import ModelCard, card_path, read_card, write_card
from pipeline.model.card_parts import NetworkCard
from pipeline.model.image_map import Mapper, NetworkMapper
from pipeline.run.atomic import set_aside
from pipeline.run.checksum import file_sha256
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder
from pipeline.run.scratch import scratch_folder

if TYPE_CHECKING:
    from models.network import NetworkSpec, PatchNetwork

WEIGHTS, HISTORY = "model.safetensors", "history.csv"


def network_card(spec: "NetworkSpec") -> NetworkCard:
    """What a card says of a network."""
    return NetworkCard.model_validate(vars(spec))


def load_network(folder: Path, *, policy: str = "float32") -> "PatchNetwork":
    """Build the network of a model folder and fill it.

    Args:
        policy: Keras precision policy that the network computes in.

    Raises:
        UserError: the card or the weights are missing or damaged, or they do not belong together.
    """
    # TensorFlow: only when there is something to compute
    from models.network import NetworkSpec, build_network
    from models.precision import dtype_policy
    from models.saved import check_size, load_weights

    card = read_card(folder)
    weights = _weights(folder)
    found = file_sha256(weights)
    if found != card.sha256:
        raise UserError(
            f"{weights} must have sha256 {card.sha256}, not {found}: the file was damaged or "
            "replaced. Copy the folder again or train again."
        )
    try:
        spec = NetworkSpec(**dict(card.network))
        check_size(spec, weights)
        with dtype_policy(policy):
            network = build_network(spec)
        load_weights(network, weights)
    except ValueError as error:  # a patch that does not fit the backbone, other arrays
        raise UserError(f"{error}.") from error
    return network


@dataclass(frozen=True)
class FolderMapper(NetworkMapper):
    """The network of a model folder; it goes to other processes as the files that it is made of."""

    folder: Path = Path()

    def __reduce__(self) -> tuple:
        names = card_path(self.folder).name, WEIGHTS
        return _received, ({n: (self.folder / n).read_bytes() for n in names}, self.tile_px)


def _received(files: Mapping[str, bytes], tile_px: int) -> Mapper:
    with scratch_folder() as folder:
        for name, content in files.items():
            (folder / name).write_bytes(content)
        return network_mapper(folder, tile_px)


def network_mapper(folder: Path, tile_px: int) -> Mapper:
    """The network of a model folder as maps are made with it.

    Raises:
        UserError: the model is damaged.
    """
    network = load_network(folder)
    return FolderMapper(network, tile_px=tile_px, with_spread=True, folder=folder)


def write_model(
    run: RunFolder, network: "PatchNetwork", card: ModelCard, *, history: str
) -> Path | None:
    """Write RUN/model; a finished model that is there already is moved to RUN/set-aside.

    Args:
        network: its weights are the model's.
        card: the checksum of the weights in it is replaced.
        history: text of history.csv.

    Returns:
        Where the former model went; None where there was none.
    """
    from models.saved import save_weights

    unfinished = _empty_folder(run)
    save_weights(network, unfinished / WEIGHTS)
    (unfinished / HISTORY).write_text(history, encoding="utf-8")
    sha256 = file_sha256(unfinished / WEIGHTS)
    return _put_in_place(run, unfinished, card.model_copy(update={"sha256": sha256}))


def copy_model(run: RunFolder, source: Path, card: ModelCard) -> Path | None:
    """Write RUN/model with the weights and the history of another model.

    Args:
        source: model folder.
        card: with the checksum of these weights.

    Returns:
        Where a former model of the run went; None where there was none.

    Raises:
        UserError: the model has no weights.
    """
    weights = _weights(source)
    unfinished = _empty_folder(run)
    shutil.copyfile(weights, unfinished / WEIGHTS)
    if (source / HISTORY).is_file():
        shutil.copyfile(source / HISTORY, unfinished / HISTORY)
    return _put_in_place(run, unfinished, card)


def _weights(folder: Path) -> Path:
    if not (folder / WEIGHTS).is_file():
        raise UserError(f"{folder / WEIGHTS} is missing: copy the model again, or train it again.")
    return folder / WEIGHTS


def _empty_folder(run: RunFolder) -> Path:
    unfinished = run.root / f".{os.getpid()}.model"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    return unfinished


def _put_in_place(run: RunFolder, unfinished: Path, card: ModelCard) -> Path | None:
    write_card(unfinished, card)  # last, it says that all is there
    former = set_aside(run.model, run.set_aside) if run.model.exists() else None
    unfinished.rename(run.model)
    return former
