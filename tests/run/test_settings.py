"""Settings: defaults, CONFIG, SET, and what a run remembers."""

from pathlib import Path
from typing import get_args

import pytest

from pipeline.config import Settings, TrainSettings
from pipeline.run.errors import UserError
from pipeline.run.graph import STAGE_SECTIONS
from pipeline.run.layout import RunFolder
from pipeline.run.settings import (
    Remembered,
    build_settings,
    load_settings,
    parse_set,
    recall,
    remember,
    setting_names,
)


@pytest.fixture
def config(tmp_path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text("train:\n  epochs: 3\n")
    return path


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


def words_of(annotation) -> set[str]:
    """The words that a type names, alone or in a list."""
    words = {word for word in get_args(annotation) if isinstance(word, str)}
    return words.union(*(words_of(part) for part in get_args(annotation)))


@pytest.mark.parametrize("name", setting_names())
def test_every_word_that_a_setting_names_is_taken(config, name):
    section, key = name.split(".")
    words = words_of(type(getattr(Settings(), section)).model_fields[key].annotation)
    for word in words - {"combined"}:  # which wants data.sets too
        value = getattr(getattr(build_settings(config, {name: word}), section), key)
        assert value in (word, (word,))


@pytest.mark.parametrize(
    ("text", "root"),
    [
        ("data.root='path to/my data' train.epochs=2", "path to/my data"),
        ("data.root=path\\ to/x train.epochs=2", "path to/x"),
        ("'data.root=2020-01-01, first #2' train.epochs=2", "2020-01-01, first #2"),
    ],
)
def test_a_value_may_hold_blanks_and_a_path_anything(config, text, root):
    settings = build_settings(config, parse_set(text))
    assert (settings.data.root, settings.train.epochs) == (Path(root), 2)


def test_a_name_is_text_whatever_yaml_would_read_in_it(config):
    words = "network.weights='a,b [1]: %x.weights.h5' data.root=2020-01-01 data.findings=1,2"
    settings = build_settings(config, parse_set(words))
    assert settings.network.weights == "a,b [1]: %x.weights.h5"
    assert settings.data.root == Path("2020-01-01")
    assert settings.data.findings == Path("1,2")
    assert build_settings(config, {"labels.positive": "3"}).labels.positive == ("3",)
    assert build_settings(config, {"labels.positive": "4, 5a"}).labels.positive == ("4", "5a")


@pytest.mark.parametrize("text", ["config: [", "- a", "config: x\nset: [1]\nmodel: ''", "{}"])
def test_a_damaged_memory_of_a_run_is_named(tmp_path, text):
    run = RunFolder(tmp_path)
    run.remembered.parent.mkdir()
    run.remembered.write_text(text)
    with pytest.raises(UserError, match=r"run\.yaml is damaged.*Delete it"):
        recall(run)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("train.epoch=3", r"train\.epoch\. Did you mean train\.epochs"),
        ("data.epochs=3", r"Did you mean train\.epochs"),
        ("train.epochs=0", r"train\.epochs: .*greater than or equal to 1, not 0"),
        (
            "data.root='my data",
            r"cannot be split .*: No closing quotation.*between quotation",
        ),
        ("epochs=3", r"section\.name=value, not 'epochs=3'"),
        ("data.root=INbreast Release", r"not 'Release'.*SET=\"data\.root='\.\.\.'\""),
        ("train.micro_batch=some", r"SET: train\.micro_batch: .*'auto', not 'some', or: .*integer"),
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


@pytest.mark.parametrize(("seed", "changed"), [(0, []), (1, ["train"])])
def test_a_setting_that_older_code_did_not_have_counts_as_its_default(tmp_path, seed, changed):
    run, of_older_code = RunFolder(tmp_path), Remembered("configs/default.yaml")
    remember(run, Settings(), of_older_code)
    path = run.stage_settings("train")
    lines = path.read_text().splitlines(keepends=True)
    older = "".join(line for line in lines if line != "  seed: 0\n")
    assert older.count("\n") == len(lines) - 1
    path.write_text(older)
    now = Settings(train=TrainSettings(seed=seed))
    assert remember(run, now, of_older_code) == changed  # else a newer version would train anew
    assert (path.read_text() == older) is (seed == 0)
    assert load_settings(run) == now
