"""Other maps of a finished training."""

import pytest

from models.network import ensemble_of
from pipeline.annotations.outlines import read_outlines
from pipeline.model.card import read_card
from pipeline.model.folder import load_network
from pipeline.model.image_map import NetworkMapper
from pipeline.model.map_rule import MapRule
from pipeline.model.validation import (
    at_one_level,
    map_image,
    read_validation,
    score_map,
    validation_figures,
)
from pipeline.preprocess.tables import read_mammograms, read_positions
from pipeline.run.progress import Plan
from pipeline.run.settings import Remembered, remember
from pipeline.studies.ablation import judge_other_maps
from pipeline.train.stage import train
from tests.train.toy_run import stage_of, toy_settings, write_toy_run

PLAN = Plan("ablation", {"maps": 1.0})


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
    found = judge_other_maps([run], others | {"own level": {"level_share": 0.0}}, PLAN, "maps")
    assert found["own"] == pytest.approx({name: own[name] for name in found["own"]})
    for name in ("rough", "one size", "own level"):
        assert found[name]["validation_loss"] != pytest.approx(own["validation_loss"], rel=1e-4)


def test_several_runs_are_the_ensemble_of_their_networks(tmp_path):
    runs = [write_toy_run(tmp_path / name) for name in "ab"]
    for seed, run in enumerate(runs):
        settings = toy_settings(epochs=1, seed=seed)
        remember(run, settings, Remembered())
        train(stage_of(run, settings))
    (found,) = judge_other_maps(runs, {"mean": {}}, PLAN, "maps").values()
    cards = [read_card(run.model) for run in runs]
    ensemble = ensemble_of(
        [load_network(run.model) for run in runs], [c.calibration.temperature for c in cards]
    )
    rule = MapRule.from_settings(settings.maps, settings.image, settings.labels, stride_px=4)
    tables = read_mammograms(runs[0]), read_outlines(runs[0]), read_positions(runs[0])
    images = read_validation(*tables, labels=settings.labels)
    maps = [map_image(NetworkMapper(ensemble), image, rule) for image in images]
    finished, _ = at_one_level([maps], share=rule.level_share)
    expected = validation_figures(images, [score_map(one, rule) for one in finished])
    assert found == pytest.approx(expected)
