"""Settings: defaults, CONFIG, SET, and what a run remembers."""

import json
from pathlib import Path

import pytest

from pipeline.config import STAGE_SECTIONS, Settings
from pipeline.run.configure import configure
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder
from pipeline.run.settings import build_settings, load_settings, parse_set, setting_names


@pytest.fixture
def config(tmp_path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text("train:\n  epochs: 3\n")
    return path


@pytest.fixture
def run(tmp_path) -> RunFolder:
    return RunFolder(tmp_path / "run")


def test_a_config_names_only_what_differs_and_set_wins_over_it(config):
    settings = build_settings(
        config, parse_set("train.epochs=5 data.root=../x labels.positive=a,b")
    )
    assert settings.train.epochs == 5
    assert settings.data.root == Path("../x")
    assert settings.labels.positive == ("a", "b")
    assert settings.heatmap == Settings().heatmap


def test_a_single_value_is_a_list_of_one_and_a_word_of_its_own_stays(config):
    settings = build_settings(config, parse_set("labels.kinds=mass dicom.views=any maps.zooms=1"))
    assert settings.labels.kinds == ("mass",)
    assert settings.dicom.views == "any"
    assert settings.maps.zooms == (1.0,)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("train.epoch=3", r"train\.epoch\. Did you mean train\.epochs"),
        ("data.epochs=3", r"Did you mean train\.epochs"),
        ("train.epochs=0", r"train\.epochs: .*greater than or equal to 1, not 0"),
        ("epochs=3", r"section\.name=value, not 'epochs=3'"),
        ("split.test=0.7 split.validation=0.4", r"must be at most 1, not 1\.1"),
    ],
)
def test_a_wrong_setting_is_refused_with_what_to_do(config, words, message):
    with pytest.raises(UserError, match=message):
        build_settings(config, parse_set(words))


def test_a_missing_config_names_those_that_are_there(config):
    with pytest.raises(UserError, match=r"does not exist.*config\.yaml"):
        build_settings(config.with_name("other.yaml"), {})


def test_every_setting_belongs_to_exactly_one_stage():
    sections = [section for stage in STAGE_SECTIONS.values() for section in stage]
    assert sorted(sections) == sorted(Settings.model_fields)
    assert {name.split(".")[0] for name in setting_names()} == set(sections)


def test_a_run_remembers_config_and_set(config, run):
    configure(run, config=str(config), set_text="train.seed=7")
    configure(run)
    assert load_settings(run).train.epochs == 3
    assert load_settings(run).train.seed == 7


def test_a_changed_value_rewrites_only_the_settings_of_the_stage_that_reads_it(config, run):
    configure(run, config=str(config))
    before = {s: run.stage_settings(s).stat().st_mtime_ns for s in STAGE_SECTIONS}
    configure(run, set_text="heatmap.tile_px=512")
    after = {s: run.stage_settings(s).stat().st_mtime_ns for s in STAGE_SECTIONS}
    assert [s for s in STAGE_SECTIONS if before[s] != after[s]] == ["heatmap"]


def test_a_changed_value_says_what_it_redoes_once_there_is_a_result(config, run):
    configure(run, config=str(config))
    assert configure(run, set_text="train.seed=1") == []
    run.model.mkdir()
    (run.model / "model.json").write_text("{}")
    (said,) = configure(run, set_text="train.seed=2")
    assert "train, heatmap, evaluate will be redone" in said
    assert configure(run, set_text="train.seed=2") == []


def test_a_refused_setting_changes_nothing_that_was_remembered(config, run):
    configure(run, config=str(config), set_text="train.seed=7")
    with pytest.raises(UserError):
        configure(run, set_text="train.sed=8")
    configure(run)
    assert load_settings(run).train.seed == 7


def test_a_model_brings_its_image_and_label_rule_and_refuses_others(config, run, tmp_path):
    settings = Settings().model_dump(mode="json")
    card = {name: settings[name] for name in ("image", "labels", "maps")}
    card["image"]["spacing_mm"] = 0.3
    model = RunFolder(tmp_path / "trained")
    model.model.mkdir(parents=True)
    (model.model / "model.json").write_text(json.dumps(card))
    configure(run, config=str(config), model=str(model.root), input_root="elsewhere")
    assert load_settings(run).image.spacing_mm == 0.3
    assert load_settings(run).data.root == Path("elsewhere")
    with pytest.raises(UserError, match=r"image\.spacing_mm is 0\.2 .* and 0\.3 in MODEL"):
        configure(run, set_text="image.spacing_mm=0.2")


def test_a_model_that_is_not_finished_is_refused(config, run, tmp_path):
    with pytest.raises(UserError, match=r"holds no finished model"):
        configure(run, config=str(config), model=str(tmp_path / "nowhere"))
