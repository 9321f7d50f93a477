"""What the report says about the model and its training."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

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
    path = run.model / "model.json"
    # make calibrate leaves a model in a run that used another's.
    if recall(run).model or not path.is_file():
        return None
    card = json.loads(path.read_text(encoding="utf-8"))
    networks = _networks(run, card)
    return Training(training_facts(card), _remarks(networks), _curves(networks))


def training_facts(card: Mapping) -> list[tuple[str, str]]:
    """What a model.json says of the network and its training, as (name, value)."""
    network, training = card.get("network", {}), card.get("training", {})
    calibration, image = card["calibration"], card.get("image", {})
    facts = []
    if network:
        spacing = image.get("spacing_mm", 0)
        size = f"{network['patch_px']} pixels = {network['patch_px'] * spacing:g} mm"
        facts.append(("network", f"{network['backbone']}, window of {size}"))
    if maps := _maps_in_words(card):
        facts.append(("maps", maps))
    if "steps" in training:
        facts.append(("steps", f"{training['steps']:,}, {training['crops']:,} crops"))
    if "seconds" in training:
        facts.append(("time", duration(training["seconds"])))
    if "precision" in training:
        facts.append(("precision", training["precision"]))
    if training.get("validation_auc") is not None:
        best = f"{training['validation_auc']:.4f}"
        if "best_step" in training:
            best += f" at step {training['best_step']:,}"
        facts.append(("validation patch AUC of the chosen weights", best))
    if "members" in training:
        alone = (member["validation_auc"] for member in training["members"])
        each = ", ".join("unknown" if auc is None else f"{auc:.4f}" for auc in alone)
        facts.append((f"ensemble of {len(training['members'])} networks, each alone", each))
    facts.append(("share of abnormal positions counted", percent(calibration["natural_prior"])))
    facts.append(("temperature", f"{calibration['temperature']:.3f}"))
    threshold = percent(card["region_threshold"])
    source = card.get("region_threshold_source", "")
    facts.append(("region threshold", f"{threshold} ({source})" if source else threshold))
    return facts


def _maps_in_words(card: Mapping) -> str:
    """What is done to the logits before they are calibrated; empty where that is nothing."""
    maps, done = card.get("maps", {}), []
    if maps.get("flips", 1) > 1:
        done.append(f"mean over {maps['flips']} mirrored copies")
    if len(zooms := maps.get("zooms", [1])) > 1:
        done.append(f"mean over copies enlarged by {', '.join(f'{zoom:g}' for zoom in zooms)}")
    if smooth := maps.get("smooth_mm"):
        done.append(f"smoothed by a Gaussian of {smooth:g} mm")
    if share := maps.get("level_share"):
        done.append(
            f"{percent(share)} of what the level of a mammogram (twice the 40th percentile of its "
            f"logits less the 10th) differs by from {card['usual_level']:.2f} taken off"
        )
    return "; ".join(done)


def _networks(run: RunFolder, card: Mapping) -> list[tuple[str, RunFolder]]:
    """Name and folder of each training behind a model; the name of a single one is empty."""
    count = len(card.get("training", {}).get("members", []))
    if not count:
        return [("", run)]
    return [(f"Network {number} of {count}", run.member(number)) for number in range(1, count + 1)]


def _remarks(networks: Sequence[tuple[str, RunFolder]]) -> list[str]:
    return [
        f"{name}: {remark}" if name else remark
        for name, network in networks
        for remark in remarks_on(network.model / "history.csv")
    ]


def _curves(networks: Sequence[tuple[str, RunFolder]]) -> list[tuple[str, Path]]:
    paths = [(name, network.plots / "training.png") for name, network in networks]
    return [(name, path) for name, path in paths if path.is_file()]
