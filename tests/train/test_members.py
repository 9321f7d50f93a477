"""An ensemble: trained one by one, gone on with where it stopped, calibrated out of fold."""

import json

import numpy as np
import pytest
from tensorflow.python.framework import config as tf_config

from models.dense import logit_map
from pipeline.model.calibration import TRAINING_PRIOR, Calibration
from pipeline.model.card import read_card
from pipeline.model.fit_calibration import fit_calibration
from pipeline.model.folder import load_network
from pipeline.model.seen_patients import pixel_hashes
from pipeline.model.validation import join_labels, join_logits, score_map, validation_figures
from pipeline.run.events import read_events
from pipeline.train import finish
from pipeline.train.data.inputs import natural_prior
from pipeline.train.loop.learner import Learner
from pipeline.train.members import member_seed
from pipeline.train.parts import parts_of
from pipeline.train.stage import train
from tests.train.out_of_fold import out_of_fold, rule_of, tables_of
from tests.train.toy_run import SHORT, stage_of, toy_settings, write_toy_run

LEVELLED = {"level_share": 0.5, "flips": 2}


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
    # The model is the mean of the members; the one temperature is that of its calibration.
    image = np.random.default_rng(0).random((64, 64), np.float32)
    whole = logit_map(load_network(run.model), image, pitch_px=8)
    parts = [logit_map(load_network(run.member(n).model), image, pitch_px=8) for n in (1, 2)]
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
    assert "network 1 of 2: trained before" in out
    assert "network 2 of 2: seed 3, " in out
    assert "2 networks" in summary


@pytest.fixture
def random_again():
    """Undo train.deterministic, which holds for the whole process."""
    yield
    tf_config.disable_op_determinism()


@pytest.fixture(scope="module")
def levelled(tmp_path_factory):
    """An ensemble of three with maps that are brought to one level, and its settings."""
    run = write_toy_run(tmp_path_factory.mktemp("levelled") / "run")
    plain = toy_settings(epochs=1, steps_per_epoch=20, learning_rate=3e-3, members=3)
    settings = plain.model_copy(update={"maps": plain.maps.model_copy(update=LEVELLED)})
    train(stage_of(run, settings))
    return run, settings


def test_what_is_fitted_is_fitted_on_the_out_of_fold_maps_of_all_women(levelled):
    run, settings = levelled
    maps, level = out_of_fold(run, settings)
    card = read_card(run.model)
    images, scores = [m.image for m in maps], [score_map(m, rule_of(settings)) for m in maps]
    assert sorted(image.image_id for image in images) == [f"i{i}" for i in range(9)]
    assert card.usual_level == pytest.approx(level, abs=1e-4)
    start = Calibration(TRAINING_PRIOR, natural_prior(tables_of(run, settings).positions), 1.0)
    calibration = fit_calibration(start, join_labels(images), join_logits(scores), lesions=5)
    assert card.calibration.temperature == pytest.approx(calibration.temperature, rel=1e-3)
    assert card.calibration.natural_prior == start.natural_prior
    assert "on 9 out-of-fold mammograms" in card.region_threshold_source
    figures = validation_figures(images, scores)
    found = {name: getattr(card.training, name) for name in figures}
    assert found == pytest.approx(figures, rel=1e-3)
    assert (card.support.patients, card.support.mammograms, card.support.lesions) == (9, 9, 5)
    counts = card.training.train
    assert counts == card.training.validation
    assert (counts.patients, counts.lesions) == (9, 5)


def test_the_end_gets_the_map_of_each_woman_as_the_model_would_have_it(levelled, monkeypatch):
    run, settings = levelled
    maps, _ = out_of_fold(run, settings)
    given = []
    real = finish.score_map

    def noting(mapped, own_rule):
        given.append(mapped)
        return real(mapped, own_rule)

    monkeypatch.setattr(finish, "score_map", noting)
    train(stage_of(run, settings))
    assert len(given) == 9
    for found, expected in zip(given, maps, strict=True):
        assert found.image.image_id == expected.image.image_id
        assert (found.image.laterality, found.image.view) == ("L", "CC")
        np.testing.assert_allclose(found.logit, expected.logit, atol=1e-4)
        assert found.spread.shape == found.logit.shape  # of the mirrored copies


def test_maps_that_are_there_are_not_made_again(levelled, monkeypatch, capsys):
    run, settings = levelled

    def no_map(*args, **options):
        pytest.fail("mapped")

    monkeypatch.setattr("models.dense.logit_map_with_spread", no_map)
    before = read_card(run.model)
    train(stage_of(run, settings))
    assert read_card(run.model).calibration == before.calibration
    # They are there only for the networks that made them.
    run.member(2).left_out_maps.unlink()
    with pytest.raises(pytest.fail.Exception, match="mapped"):
        train(stage_of(run, settings))


def test_the_card_names_whom_each_network_left_out(levelled):
    run, settings = levelled
    tables, training = tables_of(run, settings), read_card(run.model).training
    parts = parts_of(tables, settings)
    own = tables.mammograms["patient_id"].map(parts)
    everybody = set(pixel_hashes(tables.mammograms))
    assert set(training.pixel_hashes) == everybody
    for number, member in enumerate(training.members, start=1):
        left_out = set(pixel_hashes(tables.mammograms[own == number]))
        assert set(member.left_out) == left_out
        assert training.trained_on(number) == everybody - left_out
    alone = read_card(run.member(2).model).training
    assert set(alone.left_out) == set(training.members[1].left_out)
    assert (alone.validation.patients, alone.train.patients) == (3, 6)


def test_a_network_that_has_seen_those_it_leaves_out_is_warned_of(levelled, toy_run, capsys):
    run, settings = levelled
    again = settings.model_copy(
        update={
            "train": settings.train.model_copy(
                update={"init": run.root, "epochs": 1, "steps_per_epoch": 1}
            )
        }
    )
    train(stage_of(toy_run, again))
    assert "too good to be true" not in capsys.readouterr().err
    alone = toy_settings(**SHORT, init=run.root)
    train(stage_of(toy_run, alone))
    # Of the three validation women the network that it starts from left out at most two.
    assert "of the 3 patients whom this one leaves out" in capsys.readouterr().err


@pytest.mark.usefixtures("random_again")
def test_after_a_kill_in_the_second_member_it_ends_as_without_one(tmp_path, monkeypatch, capsys):
    runs = [write_toy_run(tmp_path / name) for name in ("whole", "broken")]
    settings = toy_settings(deterministic=True, epochs=2, steps_per_epoch=3, members=2)
    train(stage_of(runs[0], settings))
    eager = settings.train.model_copy(update={"checkpoint_seconds": 0})
    real, steps = Learner.step, []

    def killed(self, *args, **kwargs):
        steps.append(kwargs["step"])
        if len(steps) == 6 + 5:
            raise KeyboardInterrupt
        return real(self, *args, **kwargs)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Learner, "step", killed)
        train(stage_of(runs[1], settings.model_copy(update={"train": eager})))
    assert (runs[1].member(2).training / "checkpoint.safetensors").is_file()
    train(stage_of(runs[1], settings))
    out = capsys.readouterr().out
    assert "network 1 of 2: trained before" in out
    assert "Continuing the unfinished training at step 4" in out
    weights = [(run.model / "model.safetensors").read_bytes() for run in runs]
    assert weights[0] == weights[1]
    cards = [read_card(run.model) for run in runs]
    for name in ("calibration", "support", "region_threshold", "usual_level"):
        assert getattr(cards[0], name) == getattr(cards[1], name)
