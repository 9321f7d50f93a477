"""What a training starts from where train.init names an ensemble."""

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file

from pipeline.model.card import read_card
from pipeline.run.settings import Remembered, remember
from pipeline.studies.mine import write_false_alarms
from pipeline.train.stage import train
from tests.train.toy_run import stage_of, toy_settings, write_toy_run

SHORT = {"epochs": 1, "steps_per_epoch": 1}
# A step that moves nothing: what comes out is what went in.
STILL = {**SHORT, "learning_rate": 1e-12, "weight_decay": 0}


@pytest.fixture(scope="module")
def ensemble(tmp_path_factory):
    """A run whose model is the mean of two networks."""
    run = write_toy_run(tmp_path_factory.mktemp("ensemble") / "run")
    train(stage_of(run, toy_settings(**SHORT, members=2)))
    return run


def weights(run):
    return load_file(run.model / "model.safetensors")


def assert_alike(found, expected):
    assert found.keys() == expected.keys()
    assert all(np.allclose(found[name], expected[name], atol=1e-6) for name in found)


def test_each_member_starts_from_the_member_of_its_number(ensemble, toy_run, capsys):
    train(stage_of(toy_run, toy_settings(**STILL, members=2, init=ensemble.root)))
    for number in (1, 2):
        assert_alike(weights(toy_run.member(number)), weights(ensemble.member(number)))
    assert "starts from network 2 of the 2 in" in capsys.readouterr().out


def test_one_network_starts_from_the_member_of_the_best_validation(ensemble, toy_run, capsys):
    aucs = [member.validation_auc for member in read_card(ensemble.model).training.members]
    best = 1 + int(np.argmax(aucs))
    train(stage_of(toy_run, toy_settings(**STILL, init=ensemble.root)))
    assert_alike(weights(toy_run), weights(ensemble.member(best)))
    said = f"starts from network {best} of the 2 in {ensemble.model}, of the best validation AUC"
    assert said in capsys.readouterr().out


def test_false_alarms_are_mined_with_the_map_of_the_ensemble(ensemble):
    remember(ensemble, toy_settings(members=2), Remembered("", {}, ""))
    write_false_alarms(ensemble.root, limit=5)
    table = pd.read_csv(ensemble.mined_table)
    assert len(table) == 5
    assert table["logit"].is_monotonic_decreasing
