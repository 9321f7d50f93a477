"""What a training starts from where train.init names an ensemble."""

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file

from pipeline.model.card import read_card
from pipeline.run.settings import Remembered, remember
from pipeline.studies.mine import write_false_alarms
from pipeline.train.first_weights import ALONE, Member, member_to_start_from
from pipeline.train.stage import train
from tests.train.toy_run import SHORT, stage_of, toy_settings

# A step that moves nothing: what comes out is what went in.
STILL = {**SHORT, "learning_rate": 1e-12, "weight_decay": 0}


def weights(run):
    return load_file(run.model / "model.safetensors")


def assert_alike(found, expected):
    assert found.keys() == expected.keys()
    assert all(np.allclose(found[name], expected[name], atol=1e-6) for name in found)


def test_each_member_starts_from_the_member_of_its_number(shared_ensemble, toy_run, capsys):
    train(stage_of(toy_run, toy_settings(**STILL, members=2, init=shared_ensemble.root)))
    for number in (1, 2):
        assert_alike(weights(toy_run.member(number)), weights(shared_ensemble.member(number)))
    assert "starts from network 2 of the 2 in" in capsys.readouterr().out


def test_one_network_starts_from_the_member_of_the_best_validation(
    shared_ensemble, toy_run, capsys
):
    members = read_card(shared_ensemble.model).training.members
    best = 1 + int(np.argmax([member.validation_auc for member in members]))
    train(stage_of(toy_run, toy_settings(**STILL, init=shared_ensemble.root)))
    assert_alike(weights(toy_run), weights(shared_ensemble.member(best)))
    expected = f"starts from network {best} of the 2 in {shared_ensemble.model}, of the best"
    assert expected in capsys.readouterr().out


@pytest.mark.parametrize(
    ("aucs", "member", "number"),
    [
        ((0.7, 0.9), ALONE, 2),
        ((0.7, 0.9), Member(1, 2), 1),
        ((0.7, 0.9), Member(3, 3), 2),
        ((None, 0.9), ALONE, 1),
    ],
)
def test_which_member_is_started_from(shared_ensemble, aucs, member, number):
    card = read_card(shared_ensemble.model)
    members = [
        one.model_copy(update={"validation_auc": auc})
        for one, auc in zip(card.training.members, aucs, strict=True)
    ]
    training = card.training.model_copy(update={"members": tuple(members)})
    card = card.model_copy(update={"training": training})
    assert member_to_start_from(card, member)[0] == number


@pytest.mark.parametrize("finished_copy", ["ensemble"], indirect=True)
def test_false_alarms_are_mined_with_the_map_of_the_ensemble(finished_copy):
    remember(finished_copy, toy_settings(members=2), Remembered("", {}, ""))
    write_false_alarms(finished_copy.root, limit=5)
    table = pd.read_csv(finished_copy.mined_table)
    assert len(table) == 5
    assert table["logit"].is_monotonic_decreasing
    cells = [line.split(",")[-1] for line in finished_copy.mined_table.read_text().split()[1:]]
    assert table.columns[-1] == "logit"
    assert cells == [f"{float(cell):.6g}" for cell in cells]
