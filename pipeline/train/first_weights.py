"""The network that a training starts with: drawn, from ImageNet, or from a model that is there."""

from dataclasses import dataclass

from models.network import NetworkSpec, PatchNetwork, build_network
from models.saved import assign_weights, weights_of
from pipeline.config import ImageSettings, Settings
from pipeline.model.card import ModelCard, read_card
from pipeline.model.card_parts import NetworkCard
from pipeline.model.folder import load_network, network_card
from pipeline.run.errors import UserError
from pipeline.train.identity import model_to_start_from


@dataclass(frozen=True)
class Member:
    """A network of an ensemble of `count`, from 1."""

    number: int
    count: int

    @property
    def words(self) -> str:
        """What a line about it begins with: "" for a network alone."""
        return f"network {self.number} of {self.count}: " if self.count > 1 else ""


ALONE = Member(1, 1)


def first_network(settings: Settings, member: Member, *, kinds: int) -> PatchNetwork:
    """Build the network of these settings with its first weights.

    Args:
        kinds: number of kinds of findings that the head tells apart.

    Raises:
        UserError: the settings do not fit the network, or not the model to start from.
    """
    own, spacing_mm = settings.network, settings.image.spacing_mm
    folder = model_to_start_from(settings)
    spec = NetworkSpec(
        backbone=own.backbone,
        patch_px=own.patch_px(spacing_mm=spacing_mm),
        core_px=own.core_px(spacing_mm=spacing_mm),
        width=own.width,
        dropout=own.dropout,
        head=own.head,
        kinds=kinds,
    )
    try:
        network = build_network(
            spec,
            weights="none" if folder else own.weights,
            seed=settings.train.seed,
            head_start=own.head_start,
        )
    except ValueError as error:  # a patch or weights that the backbone cannot take
        raise UserError(f"network: {error}.") from error
    if folder:
        if own.weights != "none":
            network.freeze_normalisations()
        card = read_card(folder)
        check_init(card, network=network_card(network.spec), image=settings.image)
        number, why = member_to_start_from(card, member)
        there = load_network(folder).members
        if len(there) > 1:
            print(f"train.init: starts from network {number} of the {len(there)} in {folder}{why}.")
        assign_weights(network, weights_of(there[number - 1]), source=str(folder))
    return network


def member_to_start_from(card: ModelCard, member: Member) -> tuple[int, str]:
    """Which network of a model a training starts from, from 1, and why, in words.

    Networks of equally large ensembles belong together by their number. Otherwise it is the one of
    the best validation AUC, or the first where that is not known of all.
    """
    if card.network.members == member.count:
        return member.number, ""
    aucs = [one.validation_auc for one in card.training.members]
    known = [auc for auc in aucs if auc is not None]
    if len(known) != card.network.members:
        return 1, ", the first"
    best = max(known)
    return 1 + known.index(best), f", of the best validation AUC, {best:.4f}"


def trained_before(settings: Settings, member: Member) -> set[str]:
    """Pixel hashes of the mammograms that the network was trained on that this one starts from."""
    folder = model_to_start_from(settings)
    if not folder:
        return set()
    card = read_card(folder)
    return card.training.trained_on(member_to_start_from(card, member)[0])


def check_init(card: ModelCard, *, network: NetworkCard, image: ImageSettings) -> None:
    """Refuse a model of another network or another image scale.

    Args:
        card: of the model to start from; how many networks it has does not matter.
        network: what this run wants.

    Raises:
        UserError: they differ; names every difference.
    """
    sections = (("network", network, card.network), ("image", image, card.image))
    differences = [
        f"{section}.{name} is {value!r} here and {getattr(found, name)!r} there"
        for section, wanted, found in sections
        for name, value in wanted
        # Dropout has no weights.
        if getattr(found, name) != value and name not in ("dropout", "members")
    ]
    if differences:
        raise UserError(
            f"The model in {card.folder} (train.init) must have the network and the image settings "
            f"of this run: {'; '.join(differences)}."
        )
