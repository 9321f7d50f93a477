"""The end of a training: calibration and threshold from the best validation, then the export."""

from dataclasses import asdict

from models.saved import assign_weights, spec_as_dict
from pipeline.metrics.calibration import Calibration
from pipeline.run.stage import Stage, git_commit
from pipeline.run.words import duration
from pipeline.train.calibrate import FEW_LESIONS, alarm_logit, fit_calibration, natural_prior
from pipeline.train.curves import draw_curves
from pipeline.train.export import export_model
from pipeline.train.inputs import Inputs, split_counts
from pipeline.train.loop import Loop
from pipeline.train.start import warn
from pipeline.train.state import Best, history_text
from pipeline.train.validate import ImageScores, join_labels, join_logits


def finish(stage: Stage, inputs: Inputs, loop: Loop) -> str:
    """Calibrate the best weights and write RUN/model.

    Returns:
        A summary in one line.
    """
    best = loop.state.best
    lesions = split_counts(inputs, "validation")["lesions"]
    if 0 < lesions < FEW_LESIONS:
        warn(
            f"the temperature is fitted on {lesions} lesions, fewer than {FEW_LESIONS}: "
            "the probabilities are rough."
        )
    network = loop.learner.averaged
    assign_weights(network, best.weights, source="the best weights")
    scores = _scores(loop, best)
    calibration = fit_calibration(
        join_labels(loop.validation), join_logits(scores), prior=natural_prior(inputs.positions)
    )
    threshold = _threshold(loop, scores, calibration)
    former = export_model(
        stage.run,
        network,
        _description(stage, inputs, loop, calibration, threshold),
        history=history_text(loop.state.history),
    )
    if former:
        print(f"The former model was moved to {former}.")
    _log(stage, loop, calibration, threshold)
    auc = "unknown" if best.auc is None else f"{best.auc:.4f}"
    return (
        f"{stage.run.model}: validation AUC {auc} at step {best.step} of {loop.steps}, "
        f"temperature {calibration.temperature:.2f}, region threshold "
        f"{threshold['probability']:.4f}, {duration(loop.state.seconds)}"
    )


def _scores(loop: Loop, best: Best) -> list[ImageScores]:
    """Validation scores of the best weights on maps as the heatmap stage will make them."""
    flips = loop.map_rule.flips
    if flips == 1:
        return best.scores
    print(f"calibration: validation maps as the mean of {flips} mirrored copies", flush=True)
    return list(loop.score_validation(flips=flips))


def _threshold(loop: Loop, scores: list[ImageScores], calibration: Calibration) -> dict:
    """The region threshold and how it was found."""
    located = [
        score.false_alarms
        for score, image in zip(scores, loop.validation, strict=True)
        if not image.unlocated
    ]
    wanted = loop.train.fp_per_image
    at = alarm_logit(located, fp_per_image=wanted)
    source = f"{wanted:g} false alarms per image on {len(located)} validation mammograms"
    if at is None:
        at, source = 0.0, "even odds at the prior of the training: too few validation candidates"
        warn(f"region threshold: {source}.")
    probability = float(calibration.probability(at))
    if probability < calibration.natural_prior:
        # Below the prior a region would be a place that is more normal than most.
        probability = calibration.natural_prior
        source = f"the natural prior; {source} would be lower"
    return {"probability": probability, "source": source}


def _description(
    stage: Stage, inputs: Inputs, loop: Loop, calibration: Calibration, threshold: dict
) -> dict:
    """model.json, without the checksum."""
    settings, state = stage.settings, loop.state
    commit, dirty = git_commit()
    tree = settings.model_dump(mode="json")
    return {
        "format": 1,
        "network": spec_as_dict(loop.learner.network.spec),
        "kinds": list(inputs.kinds),
        "image": tree["image"],
        "labels": tree["labels"],
        "maps": tree["maps"],
        "calibration": asdict(calibration),
        "region_threshold": threshold["probability"],
        "region_threshold_source": threshold["source"],
        "training": {
            "parameters": loop.learner.network.count_params(),
            "steps": state.step,
            "crops": state.step * settings.train.batch,
            "seconds": round(state.seconds, 1),
            "precision": state.precision,
            "replicas": loop.strategy.num_replicas_in_sync,
            "best_step": state.best.step,
            "validation_auc": state.best.auc,
            "validation_loss": state.best.loss,
            "train": split_counts(inputs, "train"),
            "validation": split_counts(inputs, "validation"),
            "identity": loop.identity,
        },
        "commit": commit,
        "dirty": dirty,
        "settings": tree,
    }


def _log(stage: Stage, loop: Loop, calibration: Calibration, threshold: dict) -> None:
    best = loop.state.best
    values = {
        "best/step": float(best.step),
        "best/val_auc": best.auc,
        "best/val_loss": best.loss,
        "calibration/natural_prior": calibration.natural_prior,
        "calibration/temperature": calibration.temperature,
        "region_threshold": threshold["probability"],
    }
    stage.events.metrics({k: v for k, v in values.items() if v is not None}, step=loop.state.step)
    curves = stage.run.plots / "training.png"
    draw_curves(curves, loop.state)
    stage.events.artifact(curves, folder="plots")
    for path in sorted(stage.run.model.iterdir()):
        stage.events.artifact(path, folder="model")
