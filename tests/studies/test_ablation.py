"""The ablation: every variant with every seed, on validation figures."""

import json

import pytest

from pipeline.config import MapSettings, Settings
from pipeline.model.recipe import recipe_of
from pipeline.run.errors import UserError
from pipeline.run.events import EventLog
from pipeline.run.layout import RunFolder
from pipeline.run.settings import Remembered, remember, setting_names
from pipeline.run.stage import Stage
from pipeline.studies import ablation as study
from tests.model.cards import a_card, change_card, write_a_card

SETTINGS = Settings()
MAPS = {"smooth_mm": 2.0, "zooms": (0.8, 1.0), "level_share": 0.0}


@pytest.fixture
def stage(tmp_path, monkeypatch):
    """A study whose stages write the card that a training would; augmentation brings 0.1."""
    run = RunFolder(tmp_path / "study")
    remember(run, SETTINGS, Remembered("configs/mias.yaml", {"train.epochs": "1"}, ""))
    asked = {}

    def run_stages(sub, study, changed, *, upto):
        asked[sub.root.name] = (upto, changed)
        auc = 0.8 if changed.get("train.augment") == "false" else 0.9
        seed = int(changed["train.seed"])
        training = {
            "validation_auc": auc + 0.01 * seed,
            "validation_loss": 0.1,
            "validation_froc": 0.6,
            "best_step": 50,
            "seconds": 1.0,
        }
        write_a_card(sub.model, training=training)

    def judge_other_maps(recipes, variants, plan, part):
        plan.begin(part)
        asked.setdefault("other maps", []).append(([r.root.name for r in recipes], variants))
        figures = {"validation_auc": 0.9, "validation_loss": 0.2, "validation_froc": 0.5}
        return dict.fromkeys(variants, figures)

    monkeypatch.setattr(study, "judge_other_maps", judge_other_maps)
    monkeypatch.setattr(study, "load_settings", lambda recipe: Settings(maps=MAPS))
    return Stage(run, SETTINGS, EventLog(run, "ablation")), asked, run_stages


def test_each_variant_is_trained_with_each_seed_and_compared_with_the_recipe(stage):
    opened, asked, run_stages = stage
    text = study.ablation(opened, seeds=2, run_stages=run_stages)
    # Only what differs from the recipe's own maps is judged, on the recipe's own networks.
    variants = {"maps not smoothed": {"smooth_mm": 0.0}, "maps of one size": {"zooms": (1.0,)}}
    assert asked.pop("other maps") == [
        (["recipe-0"], variants),
        (["recipe-1"], variants),
        (["recipe-0", "recipe-1"], {"mean": {}}),
    ]
    assert len(asked) == 2 * len(study.VARIANTS)
    target, changed = asked["no-augmentation-1"]
    assert target == "train"
    assert changed == {
        **{name: value for name, value in study.SHORT_ABLATION.items() if name != "train.epochs"},
        "train.augment": "false",
        "train.members": "1",
        "train.seed": "1",
    }
    content = json.loads(opened.run.ablation.read_text())
    row = content["variants"]["no augmentation"]
    assert row["change"] == pytest.approx([-0.1, -0.1])
    assert row["validation_auc"] == pytest.approx(0.805)
    assert content["variants"]["recipe"]["change"] == [0.0, 0.0]
    assert content["variants"]["recipe"]["best_step"] == [[50], [50]]
    row = content["variants"]["mean of the recipe's 2 networks"]
    assert row["change"] == pytest.approx([0.0, -0.01])
    assert "| no augmentation | 0.8050 | -0.1000, -0.1000 | 0.600 | +0.000, +0.000 |" in text
    assert "| maps not smoothed | 0.9000 | +0.0000, -0.0100 | 0.500 | -0.100, -0.100 |" in text
    assert "own level" not in text
    assert "nothing of the test" in content["figures"]
    assert content["recipe"] == recipe_of(SETTINGS, [a_card()])


def test_each_variant_is_one_network_of_one_split_whatever_the_config_says(stage):
    opened, asked, run_stages = stage
    several = Remembered("configs/mias.yaml", {"train.members": "3"}, "")
    remember(opened.run, SETTINGS, several)
    study.ablation(opened, seeds=2, full=True, run_stages=run_stages)
    del asked["other maps"]
    assert {changed["train.members"] for _, changed in asked.values()} == {"1"}


def test_every_variant_names_settings_that_exist():
    named = {name for changed in study.VARIANTS.values() for name in changed}
    assert named | set(study.SHORT_ABLATION) <= set(setting_names())
    others = {name for changed in study.OTHER_MAPS.values() for name in changed}
    assert others <= set(MapSettings.model_fields)


def test_a_training_without_validation_auc_is_a_sentence(stage, monkeypatch):
    opened, _, run_stages = stage
    study.ablation(opened, seeds=2, run_stages=run_stages)
    recipe = opened.run.variant("ablation", "recipe", 0)
    change_card(recipe.model, training={"validation_auc": None})
    with pytest.raises(UserError, match="has no validation AUC"):
        study.judge_ablation({"recipe": [recipe]}, {})
