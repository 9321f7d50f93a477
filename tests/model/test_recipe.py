"""The recipe of a result: which changes make it an earlier one, and which do not."""

import json
from pathlib import Path

import pytest

from pipeline.config import Settings
from pipeline.config.effort import EFFORT_SETTINGS
from pipeline.model.recipe import RECIPE, changed_since, counting_settings, recipe_of
from pipeline.run.settings import setting_names
from tests.model.cards import a_card

NOW = a_card(recipe=RECIPE)


def settings(**sections) -> Settings:
    return Settings.model_validate(sections)


def recorded(made: Settings, *models) -> dict:
    """The recipe as it is read back from a file."""
    return json.loads(json.dumps(recipe_of(made, models or [NOW])))


def test_a_result_of_the_settings_of_today_is_of_today():
    sets = [{"importer": "phantom", "root": "a"}, {"importer": "mias", "root": "b"}]
    for made in (Settings(), settings(data={"importer": "combined", "sets": sets})):
        assert changed_since(recorded(made), made) == []


def test_a_changed_value_is_named_with_what_it_was():
    before = settings(train={"members": 1}, maps={"zooms": [0.8, 1.0]})
    today = settings(train={"members": 3}, maps={"zooms": [1.0]})
    assert changed_since(recorded(before), today) == [
        "maps.zooms was 0.8,1.0, now 1.0",
        "train.members was 1, now 3",
    ]


def test_places_and_effort_change_no_recipe():
    moved = settings(
        data={"root": "elsewhere", "split": "split.csv"},
        store={"root": "other"},
        dicom={"workers": 7, "decode_seconds": 9},
        train={"readers": 2},
        heatmap={"tile_px": 512},
    )
    assert changed_since(recorded(Settings()), moved) == []
    one, other = (
        settings(data={"importer": "combined", "sets": [{"importer": "mias", "root": root}]})
        for root in ("a", "b")
    )
    assert changed_since(recorded(one), other) == []


def test_what_bounds_the_effort_are_settings():
    named = {f"{section}.{name}" for section, names in EFFORT_SETTINGS.items() for name in names}
    assert named <= set(setting_names())
    assert not named & set(counting_settings(Settings()))


def test_the_phantom_counts_only_where_it_is_drawn():
    harder = {"contrast": 0.5}
    assert changed_since(recorded(Settings()), settings(phantom=harder)) == [
        "phantom.contrast was 1.0, now 0.5"
    ]
    mias = {"importer": "mias"}
    before = recorded(settings(data=mias))
    assert changed_since(before, settings(data=mias, phantom=harder)) == []


def test_a_setting_that_was_not_there_yet_counts_as_its_default():
    before = recorded(Settings())
    del before["settings"]["maps.smooth_mm"]
    assert changed_since(before, Settings()) == []
    assert changed_since(before, settings(maps={"smooth_mm": 2.0})) == [
        "maps.smooth_mm was 0.0, now 2.0"
    ]


def test_a_setting_that_is_gone_makes_an_earlier_recipe():
    before = recorded(Settings())
    before["settings"]["maps.former"] = 3
    assert changed_since(before, Settings()) == ["maps.former was 3, now gone"]


@pytest.mark.parametrize("models", [[NOW, a_card(recipe=RECIPE - 1)], [a_card()]])
def test_a_model_that_earlier_code_has_trained_is_of_an_earlier_recipe(models):
    (said,) = changed_since(recorded(Settings(), *models), Settings())
    assert said.startswith("code of recipe") and said.endswith(f"now {RECIPE}")


def test_a_result_without_recipe_is_an_earlier_one():
    assert changed_since(None, Settings()) == ["not recorded"]


def test_no_path_is_in_a_recipe():
    sets = [{"importer": "mias", "root": "/data/mias", "findings": "/data/f.csv"}]
    made = settings(data={"importer": "combined", "sets": sets}, train={"init": "/runs/a"})
    text = json.dumps(recipe_of(made, []))
    assert "/data" not in text and "/runs" not in text
    assert not any(isinstance(value, Path) for value in counting_settings(made).values())
