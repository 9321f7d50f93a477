"""The study of robustness on a small run whose network is the brightness of a position."""

import json
from pathlib import Path

import pytest

from pipeline.config import Settings
from pipeline.evaluate.judge import Bootstrap
from pipeline.evaluate.load import load_judged
from pipeline.figures.registry import headline_metrics
from pipeline.heatmap.stage import heatmap
from pipeline.model.recipe import recipe_of
from pipeline.report.data import robustness_of
from pipeline.run.errors import UserError
from pipeline.run.events import EventLog, read_events
from pipeline.run.settings import Remembered, remember
from pipeline.run.stage import Stage
from pipeline.studies.compare import estimates_of
from pipeline.studies.image_changes import image_changes
from pipeline.studies.robustness import robustness, robustness_text
from tests.heatmap.small_run import BrightnessNetwork, write_small_run
from tests.model.cards import a_card, change_card

SETTINGS = Settings.model_validate({"evaluate": {"bootstrap": 20}, "heatmap": {"prior": 0.1}})
CHANGES = list(image_changes(spacing_mm=0.2, seed=0))


def a_stage(folder: Path) -> Stage:
    """Two mammograms of two women, mapped."""
    run = write_small_run(folder)
    remember(run, SETTINGS, Remembered("configs/mias.yaml", {}, ""))
    heatmap(Stage(run, SETTINGS, EventLog(run, "heatmap")), mapper_of=BrightnessNetwork().of)
    return Stage(run, SETTINGS, EventLog(run, "robustness"))


@pytest.fixture(scope="module")
def studied(tmp_path_factory) -> tuple[Stage, dict]:
    """A finished study and its content."""
    stage = a_stage(tmp_path_factory.mktemp("studied"))
    return stage, robustness(stage, mapper_of=BrightnessNetwork().of)


@pytest.fixture
def stage(tmp_path, monkeypatch) -> Stage:
    """A study of two changes."""

    def two(**how) -> dict:
        return dict(list(image_changes(**how).items())[:2])

    monkeypatch.setattr("pipeline.studies.robustness.image_changes", two)
    return a_stage(tmp_path)


def test_the_unchanged_has_the_figures_of_the_run_and_each_change_stands_beside_it(studied):
    stage, content = studied
    assert [row["name"] for row in content["changes"]] == CHANGES
    judged = load_judged(stage.run)
    bootstrap = Bootstrap.of(judged, SETTINGS.evaluate)
    unchanged, *changed = content["changes"]
    assert unchanged["figures"] == {
        name: estimate.figure.as_dict()
        for name, estimate in estimates_of(judged, bootstrap, headline_metrics()).items()
    }
    assert {"patch_auc", "mean_froc", "observed_over_expected"} <= set(unchanged["figures"])
    assert "change" not in unchanged
    for row in changed:
        for name, figure in row["figures"].items():
            if figure["value"] is not None:
                less = figure["value"] - unchanged["figures"][name]["value"]
                assert row["change"][name]["value"] == pytest.approx(less), (row["name"], name)
    # Brighter positions are more probable: with gamma 0.8 more is expected, with 1.25 less.
    ratio = {r["name"]: r["figures"]["observed_over_expected"]["value"] for r in content["changes"]}
    assert ratio["gamma 0.8"] < ratio["unchanged"] < ratio["gamma 1.25"]
    assert content["recipe"] == recipe_of(SETTINGS, [a_card()])
    assert json.loads(stage.run.robustness.read_text()) == content


def test_the_bright_finding_is_found_on_every_changed_image(studied):
    content = studied[1]
    assert {row["figures"]["mean_froc"]["value"] for row in content["changes"]} == {1.0}
    assert (content["patients"], content["images"], content["lesions"]) == (2, 2, 2)


def test_what_is_mapped_is_not_mapped_again(stage):
    network = BrightnessNetwork()
    network.stops_at = 3
    with pytest.raises(KeyboardInterrupt):
        robustness(stage, mapper_of=network.of)
    first = robustness(stage, mapper_of=network.of)
    assert network.mapped == 4
    assert robustness(stage, mapper_of=network.of) == first
    assert network.mapped == 4
    change_card(stage.run.model, sha256="e" * 64)
    robustness(stage, mapper_of=network.of)
    assert network.mapped == 8


def test_a_limit_draws_patients(stage):
    content = robustness(stage, limit=1, mapper_of=BrightnessNetwork().of)
    assert (content["patients"], content["images"], content["limit"]) == (1, 1, 1)
    again = robustness(stage, limit=1, mapper_of=BrightnessNetwork().of)
    assert again["changes"] == content["changes"]
    with pytest.raises(UserError, match="LIMIT must be at least 1 patient, not 0"):
        robustness(stage, limit=0, mapper_of=BrightnessNetwork().of)


def test_groups_are_rows_where_they_are_known(stage):
    text = stage.run.mammograms.read_text()
    content = robustness(stage, mapper_of=BrightnessNetwork().of)
    assert content["groups"] == []  # one view, side and data set, no density, one kind
    header = text.splitlines()[0].split(",")
    rows = [line.split(",") for line in text.splitlines()]
    for row, density in zip(rows[1:], ("A", "D"), strict=True):
        row[header.index("density")] = density
    stage.run.mammograms.write_text("\n".join(",".join(row) for row in rows) + "\n")
    groups = robustness(stage, mapper_of=BrightnessNetwork().of)["groups"]
    assert [(g["by"], g["group"], g["images"]) for g in groups] == [
        ("density", "A", 1),
        ("density", "D", 1),
    ]
    assert groups[0]["figures"]["patch_auc"]["value"] > 0.5


def test_report_card_and_terminal_show_it_and_not_that_of_another_model(studied):
    stage, content = studied
    page, card = stage.run.report.read_text(), stage.run.model_card.read_text()
    assert "<td>turned by +5 degrees</td>" in page
    auc = content["changes"][1]["figures"]["patch_auc"]["value"]
    assert f"| gamma 0.8 | {auc:.3f}; " in card
    assert "gamma 0.8" in robustness_text(content)
    sent = {e["path"] for e in read_events(stage.run.events) if e["event"] == "artifact"}
    assert "robustness.json" in sent
    assert robustness_of(stage.run, content["model_sha256"]) == content
    assert robustness_of(stage.run, "other") is None


def test_without_a_test_mammogram_it_says_so(tmp_path):
    run = write_small_run(tmp_path, split="train")
    remember(run, SETTINGS, Remembered("configs/mias.yaml", {}, ""))
    with pytest.raises(UserError, match="no test mammogram"):
        robustness(Stage(run, SETTINGS, EventLog(run, "robustness")))
