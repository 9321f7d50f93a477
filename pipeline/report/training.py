"""What the report says about the model and its training."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from pipeline.run.layout import RunFolder
from pipeline.run.settings import recall
from pipeline.run.words import duration, percent


@dataclass(frozen=True)
class Training:
    """Facts as (name, value) and sentences that a reader should not miss."""

    facts: list[tuple[str, str]]
    remarks: list[str]


def describe_training(run: RunFolder) -> Training | None:
    """The training of the run's own model; None where it has none."""
    path = run.model / "model.json"
    # make calibrate leaves a model in a run that used another's.
    if recall(run).model or not path.is_file():
        return None
    card = json.loads(path.read_text(encoding="utf-8"))
    return Training(facts=training_facts(card), remarks=_remarks(run))


def training_facts(card: Mapping) -> list[tuple[str, str]]:
    """What a model.json says of the network and its training, as (name, value)."""
    network, training = card.get("network", {}), card.get("training", {})
    calibration, image = card["calibration"], card.get("image", {})
    facts = []
    if network:
        spacing = image.get("spacing_mm", 0)
        size = f"{network['patch_px']} pixels = {network['patch_px'] * spacing:g} mm"
        facts.append(("network", f"{network['backbone']}, window of {size}"))
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
        each = ", ".join(f"{m['validation_auc']:.4f}" for m in training["members"])
        facts.append((f"ensemble of {len(training['members'])} networks, each alone", each))
    facts.append(("share of abnormal positions counted", percent(calibration["natural_prior"])))
    facts.append(("temperature", f"{calibration['temperature']:.3f}"))
    threshold = percent(card["region_threshold"])
    source = card.get("region_threshold_source", "")
    facts.append(("region threshold", f"{threshold} ({source})" if source else threshold))
    return facts


def _remarks(run: RunFolder) -> list[str]:
    """Says when loss and ranking disagree: the loss rises where the network only gets surer."""
    path = run.model / "history.csv"
    if not path.is_file() or not path.stat().st_size:
        return []
    history = pd.read_csv(path)
    known = history.dropna(subset=["validation_auc", "validation_loss"])
    if known.empty:
        return []
    chosen = known.loc[known["validation_auc"].idxmax()]
    least = known.loc[known["validation_loss"].idxmin()]
    if least["step"] >= chosen["step"]:
        return []
    return [
        f"The weights are those of step {chosen['step']:.0f}, with the highest validation AUC. The "
        f"validation loss was lowest earlier, at step {least['step']:.0f} "
        f"({least['validation_loss']:.4f} against {chosen['validation_loss']:.4f}): the ranking "
        "went on improving while the network became too certain, which the calibration corrects."
    ]
