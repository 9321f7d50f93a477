"""The comparison of heads: paired arms, and a verdict by the stated rule."""

import json

import pytest

from pipeline.config import Settings
from pipeline.model.recipe import recipe_of
from pipeline.run.errors import UserError
from pipeline.run.events import EventLog
from pipeline.run.layout import RunFolder
from pipeline.run.settings import Remembered, remember
from pipeline.run.stage import Stage
from pipeline.studies import heads as study
from tests.evaluate.fabricated_run import fabricate, women
from tests.model.cards import a_card

SETTINGS = Settings.model_validate({"evaluate": {"bootstrap": 60}})


@pytest.fixture
def stage(tmp_path):
    """A study whose stages fabricate the runs; the matched sigmoid knows the truth."""
    run = RunFolder(tmp_path / "study")
    remember(run, SETTINGS, Remembered("configs/mias.yaml", {"train.epochs": "3"}, ""))
    asked = {}

    def run_stages(sub, study, changed, *, upto):
        assert upto == "evaluate"
        asked[sub.root.name] = changed
        matched = sub.root.name.startswith("sigmoid_matched")
        made = fabricate(tmp_path / "made" / sub.root.name, women(), oracle=matched)
        after = {"log_loss": 0.1, "brier": 0.01, "ece": 0.02, "slope": {"value": 1.0}}
        made.metrics.write_text(json.dumps({"calibration": {"after": after}}))
        sub.root.parent.mkdir(exist_ok=True)
        made.root.rename(sub.root)

    return Stage(run, SETTINGS, EventLog(run, "compare-heads")), asked, run_stages


def test_the_arms_differ_in_what_they_say_and_are_judged_in_pairs(stage):
    opened, asked, run_stages = stage
    line = study.compare_heads(opened, seeds=2, run_stages=run_stages)
    assert set(asked) == {
        f"{arm}-{seed}" for arm in ("softmax", "sigmoid", "sigmoid_matched") for seed in (0, 1)
    }
    assert asked["sigmoid_matched-1"] == {
        "train.steps_per_epoch": "100",
        "train.members": "1",
        "maps.flips": "1",
        "maps.zooms": "1",
        "network.head": "sigmoid",
        "network.head_start": "softmax",
        "train.head_rate": "2",
        "train.head_decay": "0.5",
        "train.seed": "1",
    }
    content = json.loads(opened.run.heads.read_text())
    same = content["differences"]["sigmoid - softmax"]["patch_auc"]
    assert same["value"] == same["low"] == same["high"] == 0.0
    better = content["differences"]["sigmoid_matched - softmax"]["patch_auc"]
    assert better["low"] > 0
    assert "sigmoid and softmax are the same" in line
    assert "sigmoid_matched is better than softmax" in line
    assert content["recipe"] == recipe_of(SETTINGS, [a_card()])
    page = opened.run.heads_page.read_text()
    assert "matched sigmoid is better than softmax" in page and "<td>patch AUC</td>" in page
    assert "SYNTHETIC" in page


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (0.001, 0.2, "better than b"),
        (-0.2, -0.001, "b is better"),
        (-0.009, 0.009, "the same"),
        (-0.02, 0.009, "undecided"),
        (None, None, "nothing to judge"),
    ],
)
def test_the_verdict_follows_its_rule(low, high, word):
    difference = {"value": 0.0, "low": low, "high": high}
    assert word in study._verdict("a", "b", difference)


def test_one_seed_is_not_enough(stage):
    with pytest.raises(UserError, match="SEEDS must be at least 2"):
        study.compare_heads(stage[0], seeds=1, run_stages=stage[2])
