"""The end of a training: calibration and threshold from the maps of those left out, then the model.

A single network left out the validation women, each network of an ensemble its part of all.

A finished training whose maps or threshold changed ends once more: its weights stay, its maps are
judged anew. Weights are chosen on validation maps, so other maps might have chosen those of another
epoch; that does not justify hours of training, and the history tells which epoch it was.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from models.network import PatchNetwork
from models.saved import assign_weights
from pipeline.config import Settings
from pipeline.figures.figure import Undefined
from pipeline.model.calibration import FEW_LESIONS
from pipeline.model.card import ModelCard, read_card
from pipeline.model.card_parts import TrainingCard
from pipeline.model.fit import Evidence, Fitted, fit_to
from pipeline.model.fit_candidate_score import FittedScore, fit_candidate_score, search_of
from pipeline.model.folder import HISTORY, load_network, network_card, write_model
from pipeline.model.map_rule import MapRule
from pipeline.model.recipe import RECIPE
from pipeline.model.seen_patients import pixel_hashes
from pipeline.model.training_data import data_behind
from pipeline.model.validation import (
    ImageScores,
    MappedImage,
    at_one_level,
    join_findings,
    join_labels,
    join_logits,
    score_map,
    search_figures,
    validation_figures,
)
from pipeline.run.code import git_commit
from pipeline.run.progress import Plan
from pipeline.run.settings import told
from pipeline.run.stage import Stage
from pipeline.run.words import duration, percent
from pipeline.train.data.inputs import DEVELOPMENT, Inputs, Tables, natural_prior, warn
from pipeline.train.first_weights import Member, trained_before
from pipeline.train.identity import model_to_start_from
from pipeline.train.left_out import LEFT_OUT, left_out_maps
from pipeline.train.loop.checkpoint import Best, history_text
from pipeline.train.loop.curves import draw_curves
from pipeline.train.loop.training_loop import TrainingLoop


def finish(stage: Stage, inputs: Inputs, loop: TrainingLoop, member: Member) -> str:
    """Calibrate the best weights and write RUN/model."""
    state, network = loop.state, loop.learner.averaged
    if state.best is None:
        raise RuntimeError("a training ends with a validation, which has chosen weights")
    best = state.best
    assign_weights(network, best.weights, source="the best weights")
    curves = stage.run.plots / "training.svg"
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
        "left_out": _left_out(stage, inputs.tables, member),
    }
    pace = loop.pace
    rest = {LEFT_OUT: pace.ending_seconds(), "later networks": pace.later_seconds()}
    plan = Plan(f"train: {member.words}".removesuffix(": "), rest)
    maps = maps_of_left_out(stage, inputs, network, plan)
    history = history_text(state.history)
    card = end_training(
        stage, inputs.tables, network, training, maps=[maps], history=history, best=best
    )
    return (
        f"{stage.run.model}: validation AUC {auc_text(best.auc)} at step {best.step} of "
        f"{loop.steps}, {decision_text(card)}, {duration(state.seconds)}"
    )


def finish_again(stage: Stage, inputs: Inputs, identity: dict[str, str]) -> str:
    """Calibrate RUN/model on the maps of the settings of today and write it anew."""
    folder = stage.run.model
    print(f"The weights in {folder} stay: at most maps or threshold are new.", flush=True)
    training = {**read_card(folder).training.model_dump(), "identity": identity}
    history = (folder / HISTORY).read_text(encoding="utf-8")
    network = load_network(folder)
    maps = maps_of_left_out(stage, inputs, network)
    card = end_training(stage, inputs.tables, network, training, maps=[maps], history=history)
    return f"{folder}: {decision_text(card)}"


def maps_of_left_out(
    stage: Stage, inputs: Inputs, network: PatchNetwork, plan: Plan | None = None
) -> list[MappedImage]:
    """The map of each mammogram that a network's training left out, at its own level."""
    rule = map_rule(stage.settings, network)
    return left_out_maps(stage.run.left_out_maps, network, inputs.validation, rule, plan)


def end_training(
    stage: Stage,
    tables: Tables,
    network: PatchNetwork,
    training: Mapping[str, Any],
    *,
    maps: Sequence[Sequence[MappedImage]],
    history: str,
    best: Best | None = None,
) -> ModelCard:
    """Calibrate a network on maps and write it as RUN/model.

    Args:
        tables: count whom it was trained on and, without an ensemble, whom it left out.
        training: values of a TrainingCard; figures and patients are added here.
        maps: of the women that each network left out, made by it, each at its own level.
        history: text of history.csv.
        best: the validation that chose the weights, if one did; its figures are those of maps of
            one copy.

    Returns:
        The card of the model, without the checksum of its weights.
    """
    settings, rule = stage.settings, map_rule(stage.settings, network)
    # From here on they are as those of any other mammogram by the finished model will be.
    finished, level = at_one_level(maps, share=rule.level_share)
    scores = [score_map(one, rule) for one in finished]
    images = [one.image for one in finished]
    both = settings.train.members > 1  # each woman trained some networks and was left out by one
    splits = {name: DEVELOPMENT if both else (name,) for name in DEVELOPMENT}
    counts = {name: tables.counts(*of) for name, of in splits.items()}
    fitted = _fit(stage, tables, finished, scores, lesions=counts["validation"]["lesions"])
    scored = _fit_score(finished, scores, rule) if both else None
    judged = {
        **validation_figures(images, scores),
        **(search_figures(scored.nested) if scored else {}),
        **counts,
        **_seen(stage, tables),
    }
    commit, dirty = git_commit()
    card = ModelCard(
        network=network_card(network.spec),
        kinds=tables.kinds,
        image=settings.image,
        labels=settings.labels,
        maps=settings.maps,
        usual_level=level,
        calibration=fitted.calibration,
        support=fitted.support,
        candidate_score=scored.score if scored else None,
        region_threshold=fitted.threshold.probability,
        region_threshold_source=fitted.threshold.source,
        training=TrainingCard.model_validate({**training, **judged}),
        commit=commit,
        dirty=dirty,
        recipe=RECIPE,
        settings=told(settings),
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
    """What the patients left out decided about a model, for a line of text."""
    temperature = card.calibration.temperature
    return f"temperature {temperature:.2f}, regions above {percent(card.region_threshold)}"


def _fit(
    stage: Stage,
    tables: Tables,
    maps: Sequence[MappedImage],
    scores: Sequence[ImageScores],
    *,
    lesions: int,
) -> Fitted:
    """Fit calibration and region threshold on the maps of the patients left out."""
    if 0 < lesions < FEW_LESIONS:
        warn(
            f"the temperature is fitted on {lesions} lesions, fewer than {FEW_LESIONS}: "
            "the probabilities are rough."
        )
    images = [one.image for one in maps]
    women, of_image = np.unique([image.patient_id for image in images], return_inverse=True)
    fitted = fit_to(
        Evidence(
            labels=join_labels(images),
            logits=join_logits(scores),
            patients=np.repeat(of_image, [len(image.labels) for image in images]),
            findings=join_findings(images),
            false_alarms=[
                score.false_alarms
                for score, image in zip(scores, images, strict=True)
                if not image.unlocated
            ],
            women=len(women),
            mammograms=len(images),
            lesions=lesions,
        ),
        prior=natural_prior(tables.positions),
        fp_per_image=stage.settings.train.fp_per_image,
        whose="validation" if stage.settings.train.members == 1 else "out-of-fold",
    )
    if fitted.threshold.is_guess:
        warn(f"region threshold: {fitted.threshold.source}.")
    return fitted


def _fit_score(
    maps: Sequence[MappedImage], scores: Sequence[ImageScores], rule: MapRule
) -> FittedScore | None:
    """Fit the score of candidates on the maps of the patients left out; None with few lesions."""
    try:
        return fit_candidate_score(search_of(maps, scores, rule))
    except Undefined:
        return None


def _left_out(stage: Stage, tables: Tables, member: Member) -> list[str]:
    """Pixel hashes of those whom neither this training nor the one it started from trained on."""
    validation = tables.mammograms[tables.mammograms["split"] == "validation"]
    return sorted({*pixel_hashes(validation)} - trained_before(stage.settings, member))


def _seen(stage: Stage, tables: Tables) -> dict[str, Any]:
    """Which mammograms are behind the model, and behind the one that it started from."""
    used = tables.mammograms[tables.mammograms["split"].isin(DEVELOPMENT)]
    folder = model_to_start_from(stage.settings)
    before = read_card(folder) if folder else None
    hashes = before.training.pixel_hashes if before else ()
    return {
        "data": data_behind(used, before=before.data if before else None),
        "pixel_hashes": sorted({*pixel_hashes(used), *hashes}),
    }


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
