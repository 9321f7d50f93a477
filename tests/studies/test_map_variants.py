"""Other maps of a finished training."""

import shutil

import pytest

from pipeline.model.card import read_card
from pipeline.run.settings import Remembered, remember
from pipeline.studies.map_variants import judge_other_maps
from pipeline.train.stage import train
from tests.train.toy_run import stage_of, toy_settings, write_toy_run


def test_its_own_maps_give_the_figures_of_the_model_and_others_do_not(tmp_path):
    run = write_toy_run(tmp_path / "run")
    plain = toy_settings(epochs=1)
    maps = plain.maps.model_copy(
        update={"flips": 2, "zooms": (0.8, 1.0), "smooth_mm": 2.0, "level_share": 0.9}
    )
    settings = plain.model_copy(update={"maps": maps})
    remember(run, settings, Remembered())
    train(stage_of(run, settings))
    own = read_card(run.model).training.model_dump()
    others = {"own": {}, "rough": {"smooth_mm": 0.0}, "one size": {"zooms": (1.0,)}}
    found = judge_other_maps([run], others | {"own level": {"level_share": 0.0}})
    assert found["own"] == pytest.approx({name: own[name] for name in found["own"]})
    for name in ("rough", "one size", "own level"):
        assert found[name]["validation_loss"] != pytest.approx(own["validation_loss"], rel=1e-4)


def test_several_runs_are_the_ensemble_of_their_networks(tmp_path):
    run = write_toy_run(tmp_path / "run")
    settings = toy_settings(epochs=1, members=2)
    remember(run, settings, Remembered())
    train(stage_of(run, settings))
    remember(run.member(1), settings, Remembered())
    members = [run.member(1), run.member(2)]
    for name in ("mammograms", "outlines", "positions"):
        shutil.copy(getattr(run, name), getattr(members[0], name))
    whole = read_card(run.model).training.model_dump()
    (found,) = judge_other_maps(members, {"mean": {}}).values()
    assert found == pytest.approx({name: whole[name] for name in found})
