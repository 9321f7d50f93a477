"""The end of a training: calibration and threshold from the validation maps, then the model.

A finished training whose maps or threshold changed ends once more: its weights stay, its maps are
judged anew. Weights are chosen on validation maps, so other maps might have chosen those of another
epoch; that does not justify hours of training, and the history tells which epoch it was.
"""

from collections.abc import Mapping
from typing import Any

from models.network import PatchNetwork
from models.saved import assign_weights
from pipeline.config import Settings
from pipeline.model.calibration import FEW_LESIONS, TRAINING_PRIOR, Calibration, fit_calibration
from pipeline.model.card import ModelCard, TrainingCard, read_card
from pipeline.model.folder import HISTORY, load_network, network_card, write_model
from pipeline.model.image_map import NetworkMapper
from pipeline.model.map_rule import MapRule
from pipeline.model.recipe import RECIPE
from pipeline.model.seen_patients import pixel_hashes
from pipeline.model.threshold import Threshold, region_threshold
from pipeline.model.validation import (
    ImageScores,
    at_one_level,
    join_labels,
    join_logits,
    score_images,
    validation_figures,
)
from pipeline.run.code import git_commit
from pipeline.run.stage import Stage
from pipeline.run.words import duration
from pipeline.train.data.inputs import Inputs, natural_prior, split_counts, warn
from pipeline.train.identity import model_to_start_from
from pipeline.train.loop.checkpoint import Best, history_text
from pipeline.train.loop.curves import draw_curves
from pipeline.train.loop.training_loop import TrainingLoop


def finish(stage: Stage, inputs: Inputs, loop: TrainingLoop) -> str:
    """Calibrate the best weights and write RUN/model.

    Returns:
        A summary in one line.
    """
    state, network = loop.state, loop.learner.averaged
    if state.best is None:
        raise RuntimeError("a training ends with a validation, which has chosen weights")
    best = state.best
    assign_weights(network, best.weights, source="the best weights")
    curves = stage.run.plots / "training.png"
    draw_curves(curves, state)
    stage.events.artifact(curves, folder="plots")
    training = {
        "parameters": loop.learner.network.count_params(),
        "steps": state.step,
        "crops": state.step * loop.train.batch,
        "seconds": round(state.seconds, 1),
        "precision": state.precision,
        "replicas": loop.learner.strategy.num_replicas_in_sync,
        "best_step": best.step,
        "identity": loop.identity,
    }
    history = history_text(state.history)
    card = end_training(stage, inputs, network, training, history=history, best=best)
    return (
        f"{stage.run.model}: validation AUC {auc_text(best.auc)} at step {best.step} of "
        f"{loop.steps}, {decision_text(card)}, {duration(state.seconds)}"
    )


def finish_again(stage: Stage, inputs: Inputs, identity: dict[str, str]) -> str:
    """Calibrate RUN/model on the maps of the settings of today and write it anew.

    Args:
        identity: of a training with these settings.

    Returns:
        A summary in one line.
    """
    folder = stage.run.model
    print(f"Only maps or threshold are new: the weights in {folder} stay.", flush=True)
    training = {**read_card(folder).training.model_dump(), "identity": identity}
    history = (folder / HISTORY).read_text(encoding="utf-8")
    card = end_training(stage, inputs, load_network(folder), training, history=history)
    return f"{folder}: {decision_text(card)}"


def end_training(
    stage: Stage,
    inputs: Inputs,
    network: PatchNetwork,
    training: Mapping[str, Any],
    *,
    history: str,
    best: Best | None = None,
) -> ModelCard:
    """Calibrate a network on its validation maps and write it as RUN/model.

    Args:
        training: values of a TrainingCard; figures and patients are added here.
        history: text of history.csv.
        best: the validation that chose the weights, if one did; its scores are those of maps of
            one copy.

    Returns:
        The card of the model, without the checksum of its weights.
    """
    settings, rule = stage.settings, map_rule(stage.settings, network)
    copies = rule.flips * len(rule.zooms)
    if best and rule.zooms == (1.0,) and copies == 1:
        scores = best.scores
    else:
        print(f"calibration: validation maps as the mean of {copies} copies", flush=True)
        scores = list(score_images(NetworkMapper(network), inputs.validation, rule))
    scores, level = at_one_level(scores, share=rule.level_share)
    calibration, threshold = _judge(stage, inputs, scores)
    judged = {
        **validation_figures(inputs.validation, scores),
        **{split: split_counts(inputs, split) for split in ("train", "validation")},
        "pixel_hashes": _seen(stage, inputs),
    }
    commit, dirty = git_commit()
    card = ModelCard(
        network=network_card(network.spec),
        kinds=tuple(inputs.kinds),
        image=settings.image,
        labels=settings.labels,
        maps=settings.maps,
        usual_level=level,
        calibration=calibration,
        region_threshold=threshold.probability,
        region_threshold_source=threshold.source,
        training=TrainingCard.model_validate({**training, **judged}),
        commit=commit,
        dirty=dirty,
        recipe=RECIPE,
        settings=settings.model_dump(mode="json"),
        sha256="",
    )
    former = write_model(stage.run, network, card, history=history)
    if former:
        print(f"The former model was moved to {former}.")
    _log(stage, card, best)
    return card


def map_rule(settings: Settings, network: PatchNetwork) -> MapRule:
    """How maps of these settings are made by a network."""
    return MapRule.from_settings(
        settings.maps, settings.image, settings.labels, stride_px=network.stride_px
    )


def auc_text(auc: float | None) -> str:
    """An AUC for a line of text."""
    return "unknown" if auc is None else f"{auc:.4f}"


def decision_text(card: ModelCard) -> str:
    """What the validation patients decided about a model, for a line of text."""
    temperature = card.calibration.temperature
    return f"temperature {temperature:.2f}, region threshold {card.region_threshold:.4f}"


def _judge(
    stage: Stage, inputs: Inputs, scores: list[ImageScores]
) -> tuple[Calibration, Threshold]:
    """Fit calibration and region threshold on the maps of the validation patients."""
    lesions = split_counts(inputs, "validation")["lesions"]
    if 0 < lesions < FEW_LESIONS:
        warn(
            f"the temperature is fitted on {lesions} lesions, fewer than {FEW_LESIONS}: "
            "the probabilities are rough."
        )
    calibration = fit_calibration(
        Calibration(TRAINING_PRIOR, natural_prior(inputs.positions), 1.0),
        join_labels(inputs.validation),
        join_logits(scores),
        lesions=lesions,
    )
    pairs = zip(scores, inputs.validation, strict=True)
    located = [score.false_alarms for score, image in pairs if not image.unlocated]
    wanted = stage.settings.train.fp_per_image
    threshold = region_threshold(located, calibration, fp_per_image=wanted, whose="validation")
    if threshold.is_guess:
        warn(f"region threshold: {threshold.source}.")
    return calibration, threshold


def _seen(stage: Stage, inputs: Inputs) -> list[str]:
    """Pixel hashes of the mammograms behind the model, and behind the one that it started from."""
    mammograms = inputs.mammograms
    used = mammograms[mammograms["split"].isin(["train", "validation"])]
    folder = model_to_start_from(stage.settings)
    before = read_card(folder).training.pixel_hashes if folder else ()
    return sorted({*pixel_hashes(used), *before})


def _log(stage: Stage, card: ModelCard, best: Best | None) -> None:
    training = card.training
    values = {
        "best/val_auc": best.auc if best else training.validation_auc,
        "best/val_loss": best.loss if best else training.validation_loss,
        "calibration/natural_prior": card.calibration.natural_prior,
        "calibration/temperature": card.calibration.temperature,
        "region_threshold": card.region_threshold,
        "best/step": float(best.step) if best else None,
    }
    step = training.steps if best else 0
    stage.events.metrics({name: v for name, v in values.items() if v is not None}, step=step)
    for path in sorted(stage.run.model.iterdir()):
        stage.events.artifact(path, folder="model")
