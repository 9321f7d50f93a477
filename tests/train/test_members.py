"""An ensemble of seeds: trained one by one, gone on with where it stopped, one model at the end."""

import json

import numpy as np
import pytest

from models.dense import logit_map
from pipeline.model.folder import load_network
from pipeline.run.events import read_events
from pipeline.train.members import member_seed
from pipeline.train.stage import train
from tests.train.toy_run import SHORT, stage_of, toy_settings


@pytest.mark.parametrize("members", [1, 2, 3])
def test_no_network_is_shared_by_two_seeds(members):
    seeds = [
        member_seed(toy_settings(seed=seed, members=members).train, number)
        for seed in range(4)
        for number in range(1, members + 1)
    ]
    assert seeds == list(range(4 * members))


def test_members_with_seeds_of_their_own_become_one_model(shared_ensemble):
    run = shared_ensemble
    card = json.loads(run.model_file.read_text())
    members = [json.loads(run.member(n).model_file.read_text()) for n in (1, 2)]
    assert [m["settings"]["train"]["seed"] for m in members] == [2, 3]
    assert card["network"]["members"] == 2
    assert card["training"]["steps"] == 4
    assert len(card["training"]["members"]) == 2
    # The model is the mean of the members, each over its own temperature.
    image = np.random.default_rng(0).random((64, 64), np.float32)
    whole = logit_map(load_network(run.model), image, pitch_px=8)
    parts = [
        logit_map(load_network(run.member(n).model), image, pitch_px=8)
        / m["calibration"]["temperature"]
        for n, m in zip((1, 2), members, strict=True)
    ]
    np.testing.assert_allclose(whole, np.mean(parts, axis=0), atol=1e-5)
    logged = {
        name for e in read_events(run.events) if e["event"] == "metrics" for name in e["values"]
    }
    assert {"member1/val/auc", "member2/val/auc", "best/val_auc"} <= logged


@pytest.mark.parametrize("finished_copy", ["ensemble"], indirect=True)
def test_what_is_trained_is_not_trained_again(finished_copy, capsys):
    run = finished_copy
    weights = run.member(1).model / "model.safetensors"
    before = weights.stat().st_mtime_ns
    run.member(2).model_file.unlink()
    summary = train(stage_of(run, toy_settings(**SHORT, members=2, seed=1)))
    assert weights.stat().st_mtime_ns == before
    out = capsys.readouterr().out
    assert "member 1 of 2 is trained." in out
    assert "member 2 of 2, seed 3:" in out
    assert "2 networks" in summary
