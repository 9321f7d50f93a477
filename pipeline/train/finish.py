"""The end of a training: calibration and threshold from the best validation, then the export."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from models.network import NetworkSpec
from models.saved import assign_weights
from pipeline.model.calibration import (
    FEW_LESIONS,
    TRAINING_PRIOR,
    Calibration,
    fit_calibration,
)
from pipeline.model.card import ModelCard, TrainingCard, read_card
from pipeline.model.folder import network_card, write_model
from pipeline.model.seen_patients import pixel_hashes
from pipeline.model.threshold import Threshold, region_threshold
from pipeline.model.validation import (
    ImageScores,
    at_one_level,
    join_labels,
    join_logits,
    validation_figures,
)
from pipeline.run.code import git_commit
from pipeline.run.stage import Stage
from pipeline.run.words import duration
from pipeline.train.inputs import Inputs, natural_prior, split_counts
from pipeline.train.loop.curves import draw_curves
from pipeline.train.loop.training_loop import TrainingLoop
from pipeline.train.start import init_folder, warn
from pipeline.train.state import Best, history_text


def finish(stage: Stage, inputs: Inputs, loop: TrainingLoop) -> str:
    """Calibrate the best weights and write RUN/model.

    Returns:
        A summary in one line.
    """
    best = loop.state.best
    network = loop.learner.averaged
    assign_weights(network, best.weights, source="the best weights")
    scores, level = at_one_level(_scores(loop, best), share=loop.map_rule.level_share)
    ending = judge_validation(stage, inputs, scores)
    # Of the maps as users get them; those of the checkpoint, of one copy, are in the history.
    training = {**_training(loop), **validation_figures(inputs.validation, scores)}
    former = write_model(
        stage.run,
        network,
        describe_model(stage, inputs, network.spec, ending, training, level=level),
        history=history_text(loop.state.history),
    )
    if former:
        print(f"The former model was moved to {former}.")
    _log(stage, loop, ending)
    auc = "unknown" if best.auc is None else f"{best.auc:.4f}"
    return (
        f"{stage.run.model}: validation AUC {auc} at step {best.step} of {loop.steps}, "
        f"{ending}, {duration(loop.state.seconds)}"
    )


@dataclass(frozen=True)
class Ending:
    """What the validation patients decide about a model."""

    calibration: Calibration
    threshold: float  # probability from which on a region is drawn
    threshold_source: str

    def __str__(self) -> str:
        return (
            f"temperature {self.calibration.temperature:.2f}, region threshold {self.threshold:.4f}"
        )


def judge_validation(stage: Stage, inputs: Inputs, scores: list[ImageScores]) -> Ending:
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
    wanted = stage.settings.train.fp_per_image
    threshold = _threshold(inputs, scores, calibration, wanted)
    return Ending(calibration, threshold.probability, threshold.source)


def _scores(loop: TrainingLoop, best: Best) -> list[ImageScores]:
    """Validation scores of the best weights on maps as the heatmap stage will make them."""
    copies = loop.map_rule.flips * len(loop.map_rule.zooms)
    if loop.map_rule.zooms == (1.0,) and copies == 1:
        return best.scores
    print(f"calibration: validation maps as the mean of {copies} copies", flush=True)
    return list(loop.score_validation(all_copies=True))


def _threshold(
    inputs: Inputs, scores: list[ImageScores], calibration: Calibration, wanted: float
) -> Threshold:
    located = [
        score.false_alarms
        for score, image in zip(scores, inputs.validation, strict=True)
        if not image.unlocated
    ]
    found = region_threshold(located, calibration, fp_per_image=wanted, whose="validation")
    if found.is_guess:
        warn(f"region threshold: {found.source}.")
    return found


def describe_model(
    stage: Stage,
    inputs: Inputs,
    spec: NetworkSpec,
    ending: Ending,
    training: Mapping[str, Any],
    *,
    level: float,
) -> ModelCard:
    """The card of the model, without the checksum of its weights.

    Args:
        training: values of a TrainingCard; whose patients it saw is added here.
        level: `map_level` of a usual mammogram.
    """
    commit, dirty = git_commit()
    settings = stage.settings
    known = {
        "train": split_counts(inputs, "train"),
        "validation": split_counts(inputs, "validation"),
        "pixel_hashes": sorted({*pixel_hashes(_used(inputs)), *_seen_before(stage)}),
    }
    return ModelCard(
        network=network_card(spec),
        kinds=tuple(inputs.kinds),
        image=settings.image,
        labels=settings.labels,
        maps=settings.maps,
        usual_level=level,
        calibration=ending.calibration,
        region_threshold=ending.threshold,
        region_threshold_source=ending.threshold_source,
        training=TrainingCard.model_validate({**training, **known}),
        commit=commit,
        dirty=dirty,
        settings=settings.model_dump(mode="json"),
        sha256="",
    )


def _used(inputs: Inputs) -> pd.DataFrame:
    """The mammograms that have a part in the model."""
    return inputs.mammograms[inputs.mammograms["split"].isin(["train", "validation"])]


def _seen_before(stage: Stage) -> list[str]:
    """Pixel hashes of the mammograms behind the model that the training started from."""
    folder = init_folder(stage.settings.train.init)
    return list(read_card(folder).training.pixel_hashes) if folder else []


def _training(loop: TrainingLoop) -> dict:
    state = loop.state
    return {
        "parameters": loop.learner.network.count_params(),
        "steps": state.step,
        "crops": state.step * loop.train.batch,
        "seconds": round(state.seconds, 1),
        "precision": state.precision,
        "replicas": loop.strategy.num_replicas_in_sync,
        "best_step": state.best.step,
        "identity": loop.identity,
    }


def _log(stage: Stage, loop: TrainingLoop, ending: Ending) -> None:
    best = loop.state.best
    values = {
        "best/step": float(best.step),
        "best/val_auc": best.auc,
        "best/val_loss": best.loss,
        **ending_metrics(ending),
    }
    stage.events.metrics({k: v for k, v in values.items() if v is not None}, step=loop.state.step)
    curves = stage.run.plots / "training.png"
    draw_curves(curves, loop.state)
    stage.events.artifact(curves, folder="plots")
    for path in sorted(stage.run.model.iterdir()):
        stage.events.artifact(path, folder="model")


def ending_metrics(ending: Ending) -> dict[str, float]:
    """For the event log."""
    return {
        "calibration/natural_prior": ending.calibration.natural_prior,
        "calibration/temperature": ending.calibration.temperature,
        "region_threshold": ending.threshold,
    }
