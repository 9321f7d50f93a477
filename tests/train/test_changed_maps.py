"""Other map settings on a finished training: no step is trained again."""

import json
from dataclasses import replace

import pytest

from pipeline.model.card import read_card
from pipeline.model.validation import score_map, validation_figures
from pipeline.preprocess.tables import read_mammograms
from pipeline.train.identity import identity, unfinished
from pipeline.train.loop.checkpoint import (
    Checkpoint,
    TrainingState,
    checkpoint_path,
    write_checkpoint,
)
from pipeline.train.loop.learner import Learner
from pipeline.train.stage import train
from tests.train.out_of_fold import out_of_fold, rule_of
from tests.train.toy_run import SHORT, stage_of, toy_settings

MAPS = {"flips": 2, "zooms": (0.8, 1.0), "smooth_mm": 2.0, "level_share": 0.5}


def with_maps(settings):
    return settings.model_copy(update={"maps": settings.maps.model_copy(update=MAPS)})


def card_of(run):
    return json.loads(run.model_file.read_text())


@pytest.fixture
def no_step(monkeypatch):
    """From its call on, a step of training fails the test."""

    def forbid():
        monkeypatch.setattr(Learner, "step", lambda *args, **kwargs: pytest.fail("trained"))

    return forbid


@pytest.mark.parametrize(
    ("finished_copy", "members"), [("single", 1), ("ensemble", 2)], indirect=["finished_copy"]
)
def test_the_weights_stay_and_everything_behind_them_is_made_anew(
    finished_copy, capsys, no_step, members
):
    run = finished_copy
    settings = toy_settings(**SHORT, members=members, seed=members - 1)
    parts = [run.member(n + 1) for n in range(members)] if members > 1 else [run]
    weights = [(part.model / "model.safetensors").read_bytes() for part in parts]
    histories = [(part.model / "history.csv").read_text() for part in parts]
    no_step()
    other = with_maps(settings)
    train(stage_of(run, other))
    assert capsys.readouterr().out.count("stay: at most maps or threshold are new") == members
    assert [(part.model / "model.safetensors").read_bytes() for part in parts] == weights
    assert [(part.model / "history.csv").read_text() for part in parts] == histories
    card = card_of(run)
    assert card["maps"] == other.maps.model_dump(mode="json")
    maps, level = out_of_fold(run, other)
    images, scores = [m.image for m in maps], [score_map(m, rule_of(other)) for m in maps]
    assert card["usual_level"] == pytest.approx(level, abs=1e-5)
    figures = validation_figures(images, scores)
    assert {name: card["training"][name] for name in figures} == pytest.approx(figures, rel=1e-4)


@pytest.mark.parametrize("finished_copy", ["single"], indirect=True)
def test_another_threshold_trains_no_step_again(finished_copy, no_step):
    run = finished_copy
    weights, before = (run.model / "model.safetensors").read_bytes(), read_card(run.model)
    no_step()
    train(stage_of(run, toy_settings(**SHORT, fp_per_image=0.3)))
    assert (run.model / "model.safetensors").read_bytes() == weights
    after = read_card(run.model)
    assert after.calibration == before.calibration
    assert "0.3 false alarms per mammogram" in after.region_threshold_source


def test_an_unfinished_training_goes_on_with_another_threshold_and_not_with_other_maps(toy_run):
    own, threshold, maps = (
        identity(toy_run, settings, read_mammograms(toy_run))
        for settings in (toy_settings(), toy_settings(fp_per_image=0.3), with_maps(toy_settings()))
    )
    write_checkpoint(checkpoint_path(toy_run), Checkpoint(TrainingState(step=3), {}, own))
    found = unfinished(toy_run, threshold)
    assert found.state.step == 3
    assert found.identity == threshold
    assert unfinished(toy_run, maps) is None


@pytest.mark.parametrize("finished_copy", ["single"], indirect=True)
def test_with_anything_else_changed_it_is_another_training(finished_copy, capsys):
    run = finished_copy
    before = (run.model / "model.safetensors").read_bytes()
    train(stage_of(run, with_maps(toy_settings(**SHORT, seed=1))))
    assert "stay: at most maps or threshold are new" not in capsys.readouterr().out
    assert (run.model / "model.safetensors").read_bytes() != before


@pytest.mark.parametrize(
    ("finished_copy", "members"), [("single", 1), ("ensemble", 2)], indirect=["finished_copy"]
)
def test_a_training_killed_after_its_model_only_tells_the_rest(
    finished_copy, capsys, no_step, members
):
    run = finished_copy
    card, weights = card_of(run), (run.model / "model.safetensors").read_bytes()
    run.model_card.unlink()
    no_step()
    stage = stage_of(run, toy_settings(**SHORT, members=members, seed=members - 1))
    train(replace(stage, target_is_new=True))
    assert run.model_card.is_file()
    assert card_of(run) == card
    assert (run.model / "model.safetensors").read_bytes() == weights
