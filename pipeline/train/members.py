"""An ensemble: several trainings with seeds of their own, whose mean is the model."""

import keras

from models.network import ensemble_of
from pipeline.config import TrainSettings
from pipeline.model.card import read_card
from pipeline.model.folder import load_network
from pipeline.run.stage import Stage
from pipeline.run.words import duration
from pipeline.train.data.inputs import Inputs
from pipeline.train.finish import auc_text, decision_text, end_training
from pipeline.train.first_weights import Member
from pipeline.train.identity import identity, is_finished
from pipeline.train.one_network import train_network


def train_members(stage: Stage, inputs: Inputs, wanted: dict[str, str]) -> str:
    """Train what is not trained yet in RUN/members, then write their mean as RUN/model.

    Args:
        wanted: identity of the training of all.

    Returns:
        A summary in one line.
    """
    settings, count = stage.settings, stage.settings.train.members
    for number in range(1, count + 1):
        train = settings.train.model_copy(
            update={"members": 1, "seed": member_seed(settings.train, number)}
        )
        own = Stage(  # its own folder and seed, the same event log
            stage.run.member(number),
            settings.model_copy(update={"train": train}),
            stage.events.under(f"member{number}/"),
        )
        own_wanted = identity(stage.run, own.settings, inputs.mammograms)
        if is_finished(own.run, own_wanted):
            print(f"member {number} of {count} is trained.", flush=True)
            continue
        print(f"member {number} of {count}, seed {own.settings.train.seed}:", flush=True)
        summary = train_network(own, inputs, own_wanted, Member(number, count))
        print(f"member {number} of {count}: {summary}", flush=True)
        keras.backend.clear_session()
    return _combine(stage, inputs, wanted)


def member_seed(train: TrainSettings, number: int) -> int:
    """Seed of a member from 1: its own, so that two seeds of a study share no network."""
    return train.seed * train.members + number - 1


def _combine(stage: Stage, inputs: Inputs, wanted: dict[str, str]) -> str:
    """Read the members, calibrate their mean and export it."""
    folders = [stage.run.member(n).model for n in range(1, stage.settings.train.members + 1)]
    cards = [read_card(folder) for folder in folders]
    ensemble = ensemble_of(
        [load_network(folder) for folder in folders],
        [card.calibration.temperature for card in cards],
    )
    print(f"ensemble of {len(folders)} networks:", flush=True)
    trainings = [card.training.model_dump() for card in cards]
    training = {
        **{k: sum(t[k] for t in trainings) for k in ("parameters", "steps", "crops", "seconds")},
        **{k: trainings[0][k] for k in ("precision", "replicas")},
        "members": [
            {k: t[k] for k in ("best_step", "validation_auc", "validation_loss")} for t in trainings
        ],
        "identity": wanted,
    }
    card = end_training(stage, inputs, ensemble, training, history="")
    auc, seconds = auc_text(card.training.validation_auc), duration(card.training.seconds)
    return (
        f"{stage.run.model}: {len(folders)} networks, validation AUC {auc}, "
        f"{decision_text(card)}, {seconds}"
    )
