"""What the report says about the model and its training."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.model.card import ModelCard, has_model, read_card
from pipeline.report.overconfidence import remarks_on
from pipeline.run.layout import RunFolder
from pipeline.run.settings import recall
from pipeline.run.words import duration, percent


@dataclass(frozen=True)
class Training:
    """The making of a model.

    Attributes:
        facts: (name, value).
        remarks: sentences that a reader should not miss.
        curves: (network, picture) of loss and AUC by step, of each network of an ensemble.
    """

    facts: list[tuple[str, str]]
    remarks: list[str]
    curves: list[tuple[str, Path]]


def describe_training(run: RunFolder) -> Training | None:
    """The training of the run's own model; None where it has none."""
    # make calibrate leaves a model in a run that used another's.
    if recall(run).model or not has_model(run.model):
        return None
    card = read_card(run.model)
    count = len(card.training.members)
    networks = [(f"Network {n} of {count}", run.member(n)) for n in range(1, count + 1)]
    remarks: list[str] = []
    curves: list[tuple[str, Path]] = []
    for name, network in networks or [("", run)]:
        found = remarks_on(network.model / "history.csv")
        remarks += [f"{name}: {remark}" if name else remark for remark in found]
        if (picture := network.plots / "training.png").is_file():
            curves.append((name, picture))
    return Training(training_facts(card), remarks, curves)


def training_facts(card: ModelCard) -> list[tuple[str, str]]:
    """What a card says of the network and its training, as (name, value)."""
    network, training, calibration = card.network, card.training, card.calibration
    size = f"{network.patch_px} pixels = {network.patch_px * card.image.spacing_mm:g} mm"
    facts = [("network", f"{network.backbone}, window of {size}")]
    if maps := _maps_in_words(card):
        facts.append(("maps", maps))
    facts.append(("steps", f"{training.steps:,}, {training.crops:,} crops"))
    facts.append(("time", duration(training.seconds)))
    facts.append(("precision", training.precision))
    if training.validation_auc is not None:
        best = f"{training.validation_auc:.4f}"
        if training.best_step is not None:
            best += f" at step {training.best_step:,}"
        facts.append(("validation patch AUC of the chosen weights", best))
    if training.members:
        alone = (member.validation_auc for member in training.members)
        each = ", ".join("unknown" if auc is None else f"{auc:.4f}" for auc in alone)
        facts.append((f"ensemble of {len(training.members)} networks, each alone", each))
    facts.append(("share of abnormal positions counted", percent(calibration.natural_prior)))
    facts.append(("temperature", f"{calibration.temperature:.3f}"))
    threshold, source = percent(card.region_threshold), card.region_threshold_source
    facts.append(("region threshold", f"{threshold} ({source})" if source else threshold))
    return facts


def _maps_in_words(card: ModelCard) -> str:
    """What is done to the logits before they are calibrated; empty where that is nothing."""
    maps, done = card.maps, []
    if maps.flips > 1:
        done.append(f"mean over {maps.flips} mirrored copies")
    if len(maps.zooms) > 1:
        sizes = ", ".join(f"{zoom:g}" for zoom in maps.zooms)
        done.append(f"mean over copies enlarged by {sizes}")
    if maps.smooth_mm:
        done.append(f"smoothed by a Gaussian of {maps.smooth_mm:g} mm")
    if maps.level_share:
        done.append(
            f"{percent(maps.level_share)} of what the level of a mammogram (twice the 40th "
            f"percentile of its logits less the 10th) differs by from {card.level:.2f} taken off"
        )
    return "; ".join(done)
