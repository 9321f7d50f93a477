"""An ensemble: several trainings, each with a seed and left-out women of its own; their mean.

Everything that is fitted, is fitted on the maps of all women together, each by the network that
left her out (parts.py, pipeline/model/fit.py).
"""

from collections.abc import Sequence

import keras

from models.network import ensemble_of
from pipeline.config import TrainSettings
from pipeline.model.card import read_card
from pipeline.model.folder import load_network
from pipeline.run.stage import Stage
from pipeline.run.words import duration
from pipeline.train.data.inputs import Inputs, Tables
from pipeline.train.finish import auc_text, decision_text, end_training, maps_of_left_out
from pipeline.train.first_weights import Member
from pipeline.train.identity import identity, is_finished
from pipeline.train.one_network import train_network


def train_members(
    stage: Stage, tables: Tables, inputs: Sequence[Inputs], wanted: dict[str, str]
) -> str:
    """Train what is not trained yet in RUN/members, then write their mean as RUN/model."""
    count = len(inputs)
    for number, own_inputs in enumerate(inputs, start=1):
        own, member = stage_of_member(stage, number), Member(number, count)
        own_wanted = identity(stage.run, own.settings, own_inputs.tables.mammograms)
        if is_finished(own.run, own_wanted):
            print(f"{member.words}trained before", flush=True)
            continue
        summary = train_network(own, own_inputs, own_wanted, member)
        print(f"{member.words}{summary}", flush=True)
        keras.backend.clear_session()
    return _combine(stage, tables, inputs, wanted)


def stage_of_member(stage: Stage, number: int) -> Stage:
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


def _combine(stage: Stage, tables: Tables, inputs: Sequence[Inputs], wanted: dict[str, str]) -> str:
    """Read the members, calibrate their mean by what each says of those it left out, export it."""
    stages = [stage_of_member(stage, number) for number in range(1, len(inputs) + 1)]
    cards = [read_card(own.run.model) for own in stages]
    networks = [load_network(own.run.model) for own in stages]
    print(f"train: calibrating the mean of {len(networks)} networks", flush=True)
    maps = [
        maps_of_left_out(own, own_inputs, network)
        for own, own_inputs, network in zip(stages, inputs, networks, strict=True)
    ]
    trainings = [card.training.model_dump() for card in cards]
    kept = ("best_step", "validation_auc", "validation_loss", "left_out")
    training = {
        **{k: sum(t[k] for t in trainings) for k in ("parameters", "steps", "crops", "seconds")},
        **{k: trainings[0][k] for k in ("precision", "replicas")},
        "members": [{k: t[k] for k in kept} for t in trainings],
        "identity": wanted,
    }
    # One temperature for all comes with the calibration, see pipeline/model/fit.py.
    ensemble = ensemble_of(networks, [1.0] * len(networks))
    card = end_training(stage, tables, ensemble, training, maps=maps, history="")
    auc, seconds = auc_text(card.training.validation_auc), duration(card.training.seconds)
    return (
        f"{stage.run.model}: {len(networks)} networks, AUC {auc} "
        f"on the patients that each left out, "
        f"{decision_text(card)}, {seconds}"
    )
