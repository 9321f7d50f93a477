"""What the report says about the model and its training."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.model.card import ModelCard, has_model, read_card
from pipeline.run.csv_tables import read_csv_table
from pipeline.run.layout import RunFolder
from pipeline.run.settings import recall
from pipeline.run.words import duration, percent

HELD = 0.01  # a validation AUC within this of the best has held
RISEN = 0.02  # share of the least loss by which a loss has risen


@dataclass(frozen=True)
class Training:
    """The making of a model."""

    facts: list[tuple[str, str]]  # (name, value)
    remarks: list[str]  # sentences that a reader should not miss
    # (network, picture) of loss and AUC by step, of each network of an ensemble
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
        if (picture := network.plots / "training.svg").is_file():
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
        name = "out-of-fold patch AUC" if training.is_out_of_fold else "validation patch AUC"
        facts.append((f"{name} of the chosen weights", best))
    if training.members:
        alone = (member.validation_auc for member in training.members)
        each = ", ".join("unknown" if auc is None else f"{auc:.4f}" for auc in alone)
        facts.append((f"ensemble of {len(training.members)} networks, each alone", each))
    reach, rank = training.validation_lesions_with_candidate, training.validation_median_rank
    if reach is not None:
        ranked = "" if rank is None else f", which has rank {rank:.0f} in the median"
        facts.append(("validation findings that hold a candidate", f"{percent(reach)}{ranked}"))
    if card.candidate_score:
        facts.append(("candidates", card.candidate_score.in_words))
    facts.append(("share of abnormal positions counted", percent(calibration.natural_prior)))
    facts.append(("temperature", f"{calibration.temperature:.3f}"))
    if calibration.bend != 1:
        facts.append(("evidence against counts more, and for less, by", f"{calibration.bend:.3f}"))
    if calibration.lesions is not None:
        rests_on = f"{percent(calibration.highest)}, from {calibration.lesions} findings"
        facts.append(("highest probability shown", rests_on))
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


def remarks_on(history: Path) -> list[str]:
    """Loss against ranking: what rose, what held, which weights were taken.

    The loss also rises when a network only becomes more certain; then the ranking holds and the
    calibration repairs the rest. When the ranking falls too, the network memorises.

    Args:
        history: columns step, validation_auc and validation_loss, a row for each validation.

    Returns:
        Sentences; none where loss and ranking agree, or nothing is known.
    """
    if not history.is_file() or not history.stat().st_size:
        return []
    known = read_csv_table(history, rest=None, written_by="make train")
    known = known.dropna(subset=["validation_auc", "validation_loss"])
    if known.empty:
        return []
    chosen = known.loc[known["validation_auc"].idxmax()]
    least = known.loc[known["validation_loss"].idxmin()]
    last = known.iloc[-1]
    taken, remarks = f"The weights are those of step {chosen['step']:.0f}", []
    too_certain = least["step"] < chosen["step"]
    if too_certain:
        remarks.append(
            f"{taken}, with the highest validation AUC. The validation loss was lowest earlier, at "
            f"step {least['step']:.0f} ({least['validation_loss']:.4f} against "
            f"{chosen['validation_loss']:.4f}): the ranking went on improving while the network "
            "became too certain, which the calibration corrects."
        )
    lowest = chosen if too_certain else least
    if last["validation_loss"] <= (1 + RISEN) * lowest["validation_loss"]:
        return remarks
    rose = (
        f"from {lowest['validation_loss']:.4f} at step {lowest['step']:.0f} to "
        f"{last['validation_loss']:.4f} at step {last['step']:.0f}"
    )
    best, end = f"{chosen['validation_auc']:.4f}", f"{last['validation_auc']:.4f}"
    if last["validation_auc"] < chosen["validation_auc"] - HELD:
        remarks.append(
            f"After step {chosen['step']:.0f} the ranking got worse as well: the validation AUC "
            f"fell from {best} to {end}, and the loss rose {rose}. More of this training does not "
            f"help. {taken}."
        )
    elif not too_certain:
        remarks.append(
            f"The validation loss rose {rose}, while the ranking held (AUC {best} at best, {end} "
            f"at the end): the network only became more certain. {taken}."
        )
    return remarks
