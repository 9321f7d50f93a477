"""An ensemble: several trainings with seeds of their own, whose mean is the model."""

from collections.abc import Callable

import keras

from models.network import ensemble_of
from pipeline.config import Settings, TrainSettings
from pipeline.model.card import read_card
from pipeline.model.folder import load_network, write_model
from pipeline.model.validation import validation_figures
from pipeline.run.stage import Stage
from pipeline.run.words import duration
from pipeline.train.checkpoint import Checkpoint
from pipeline.train.finish import describe_model, ending_metrics, judge_validation
from pipeline.train.inputs import Inputs
from pipeline.train.other_maps import finish_again, map_scores
from pipeline.train.start import finished_identity, only_maps_differ, unfinished


def train_members(
    stage: Stage,
    inputs: Inputs,
    *,
    identity: Callable[[Settings], dict[str, str]],
    train_one: Callable[[Stage, Inputs, dict[str, str], Checkpoint | None], str],
) -> str:
    """Train what is not trained yet in RUN/members, then write their mean as RUN/model.

    Args:
        identity: of a training with these settings.
        train_one: trains and exports one network.

    Returns:
        A summary in one line.
    """
    count = stage.settings.train.members
    for number in range(1, count + 1):
        own = _member(stage, number)
        wanted = identity(own.settings)
        if _is_finished(own, wanted):
            print(f"member {number} of {count} is trained.", flush=True)
            continue
        print(f"member {number} of {count}, seed {own.settings.train.seed}:", flush=True)
        if only_maps_differ(own.run, wanted):
            summary = finish_again(own, inputs, wanted)
        else:
            summary = train_one(own, inputs, wanted, unfinished(own.run, wanted))
        print(f"member {number} of {count}: {summary}", flush=True)
        keras.backend.clear_session()
    return _combine(stage, inputs, identity(stage.settings))


def _member(stage: Stage, number: int) -> Stage:
    """The stage of one network: its own folder and seed, the same event log."""
    train = stage.settings.train
    own = train.model_copy(update={"members": 1, "seed": member_seed(train, number)})
    return Stage(
        stage.run.member(number),
        stage.settings.model_copy(update={"train": own}),
        stage.events.under(f"member{number}/"),
    )


def member_seed(train: TrainSettings, number: int) -> int:
    """Seed of a member from 1: its own, so that two seeds of a study share no network."""
    return train.seed * train.members + number - 1


def _is_finished(member: Stage, wanted: dict[str, str]) -> bool:
    return finished_identity(member.run) == wanted


def _combine(stage: Stage, inputs: Inputs, identity: dict[str, str]) -> str:
    """Read the members, calibrate their mean and export it."""
    folders = [stage.run.member(n).model for n in range(1, stage.settings.train.members + 1)]
    cards = [read_card(folder) for folder in folders]
    networks = [load_network(folder) for folder in folders]
    temperatures = [card.calibration.temperature for card in cards]
    ensemble = ensemble_of(networks, temperatures)
    print(f"ensemble: validation maps of {len(networks)} networks", flush=True)
    scores, level = map_scores(stage, inputs, ensemble)
    ending = judge_validation(stage, inputs, scores)
    figures = validation_figures(inputs.validation, scores)
    trainings = [card.training.model_dump() for card in cards]
    training = {
        **{k: sum(t[k] for t in trainings) for k in ("parameters", "steps", "crops", "seconds")},
        **{k: trainings[0][k] for k in ("precision", "replicas")},
        **figures,
        "members": [
            {k: t[k] for k in ("best_step", "validation_auc", "validation_loss")} for t in trainings
        ],
        "identity": identity,
    }
    description = describe_model(stage, inputs, ensemble.spec, ending, training, level=level)
    write_model(stage.run, ensemble, description, history="")
    auc = figures["validation_auc"]
    known = {"best/val_auc": auc, **ending_metrics(ending)}
    stage.events.metrics({k: v for k, v in known.items() if v is not None})
    for path in sorted(stage.run.model.iterdir()):
        stage.events.artifact(path, folder="model")
    shown = "unknown" if auc is None else f"{auc:.4f}"
    return (
        f"{stage.run.model}: {len(networks)} networks, validation AUC {shown}, {ending}, "
        f"{duration(training['seconds'])}"
    )
