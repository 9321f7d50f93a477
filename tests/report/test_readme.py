"""What `make result` keeps, and the table that the README makes of it."""

import json
from pathlib import Path

import pytest

from pipeline.config import Settings
from pipeline.figures.registry import headline_metrics
from pipeline.model.recipe import recipe_of
from pipeline.report.readme import headline_markdown, results_markdown, results_page, write_results
from pipeline.run.atomic import json_text, write_text
from pipeline.run.code import ROOT
from pipeline.run.errors import UserError
from pipeline.run.events import EventLog
from pipeline.run.layout import RunFolder
from pipeline.run.settings import Remembered, build_settings, remember
from tests.model.cards import a_card, write_a_card

FIGURE = {"value": 0.9012, "low": 0.85, "high": 0.95, "n": 1234}
SET = {"train.seed": "3"}
TODAY = {"recipe": recipe_of(build_settings(ROOT / "configs/mias.yaml", SET), [])}
METRICS = TODAY | {
    "commit": "0123456789",
    "patch_auc": FIGURE,
    "baselines": {"position": FIGURE, "mean_contrast": FIGURE},
    "counts": {"patients": 40, "images": 80, "lesions": 17, "positions": 1234},
    "prevalence": 0.01,
    "date": "2026-11-22",
    "hardware": "a processor, 2 cores",
}
CROSSVAL = METRICS | {"patch_auc": FIGURE | {"value": 0.8765}, "folds": [{}, {}]}


@pytest.fixture
def run(tmp_path) -> RunFolder:
    run = RunFolder(tmp_path / "runs" / "mias")
    overrides = SET | {"data.root": "somewhere"}
    remember(run, Settings(), Remembered("configs/mias.yaml", overrides, ""))
    return run


def took(run: RunFolder, stage: str, seconds: float, status: str = "finished") -> None:
    EventLog(run, stage).finish(status=status, seconds=seconds, peak_mib=1.0)


def kept(folder: Path) -> dict[str, dict]:
    return {p.name: json.loads(p.read_text()) for p in sorted(folder.glob("*.json"))}


def test_a_run_is_kept_with_its_settings_and_times_but_not_the_places_of_its_data(run, tmp_path):
    write_text(run.metrics, json_text(METRICS))
    took(run, "train", 60.4)
    took(run, "train", 7, status="failed")
    write_results(run, tmp_path / "results")
    found = kept(tmp_path / "results")
    assert list(found) == ["mias.json"]
    assert found["mias.json"]["run"] == "mias"
    assert found["mias.json"]["set"] == {"train.seed": "3"}
    assert found["mias.json"]["seconds"] == {"train": 60}


def test_a_training_takes_all_its_sessions_and_not_the_last_alone(run, tmp_path):
    write_text(run.metrics, json_text(METRICS))
    took(run, "train", 9)  # maps judged anew, or the end of a training that had been stopped
    write_a_card(run.model, training={"seconds": 250.2})
    write_results(run, tmp_path)
    assert kept(tmp_path)["mias.json"]["seconds"] == {"train": 250}
    took(run, "train", 300)  # in one go: with the end, which the model does not count
    write_results(run, tmp_path)
    assert kept(tmp_path)["mias.json"]["seconds"] == {"train": 300}


def test_a_cross_validation_is_kept_beside_it_with_the_times_of_all_folds(run, tmp_path):
    write_text(run.metrics, json_text(METRICS))
    write_text(run.crossval, json_text(CROSSVAL))
    for fold in (1, 2, 3):  # the third is of another, larger cross-validation
        took(run.fold(fold), "train", 100 * fold)
        took(run.fold(fold), "heatmap", 12)
    paths = write_results(run, tmp_path / "results")
    assert [path.name for path in paths] == ["mias.json", "mias-crossval.json"]
    found = kept(tmp_path / "results")["mias-crossval.json"]
    assert found["run"] == "mias-crossval"
    assert found["seconds"] == {"train": 300, "heatmap": 24}
    assert found["patch_auc"]["value"] == 0.8765


def test_a_cross_validation_alone_can_be_kept(run, tmp_path):
    write_text(run.crossval, json_text(CROSSVAL))
    assert [p.name for p in write_results(run, tmp_path)] == ["mias-crossval.json"]


def test_without_figures_it_says_which_command_makes_them(run, tmp_path):
    with pytest.raises(UserError, match=r"make evaluate .* or make crossval"):
        write_results(run, tmp_path)


def test_the_table_has_a_column_for_each_run_and_none_for_a_benchmark(run, tmp_path):
    write_text(run.metrics, json_text(METRICS))
    write_text(run.crossval, json_text(CROSSVAL))
    folder = tmp_path / "results"
    write_results(run, folder)
    before = results_markdown(folder)
    assert before.startswith("| | mias | mias-crossval |\n|---|---|---|\n")
    assert "| patch AUC | 0.901 (0.850 to 0.950) | 0.876 (0.850 to 0.950) |" in before
    write_text(folder / "bench.json", json_text([{"task": "map", "seconds": 1.0}]))
    assert results_markdown(folder) == before


def test_the_readme_has_the_figures_that_stand_first_and_the_page_has_all(run, tmp_path):
    calibration = {"after": {"observed_over_expected": FIGURE | {"value": 1.25}}}
    write_text(run.metrics, json_text(METRICS | {"calibration": calibration}))
    write_results(run, tmp_path)
    short = headline_markdown(tmp_path)
    assert "| patch AUC | 0.901 (0.850 to 0.950) |" in short
    assert "| observed / expected | 1.250 (0.850 to 0.950) |" in short
    assert "patch average precision" not in short
    assert results_markdown(tmp_path).rstrip() in results_page(tmp_path)


ARM = {"patch_auc": {"mean": 0.9012, "seeds": [0.9]}, "train_seconds": {"mean": 1234.5}}
STUDY = TODAY | {
    "seeds": 5,
    "schedule": {"train.epochs": "2"},
    "hardware": "a processor, 2 cores",
    "date": "2026-11-22",
    "commit": "0123456789",
}
HEADS = STUDY | {
    "arms": {"softmax": ARM | {"parameters": 1_001}, "sigmoid": ARM | {"parameters": 1_000}},
    "verdicts": {"sigmoid - softmax": "sigmoid and softmax are the same."},
    "rule": "As stated.",
}
ABLATION = STUDY | {
    "figures": "validation patients",
    "variants": {
        "recipe": {
            "validation_auc": 0.93,
            "change": [0.0, 0.0],
            "validation_froc": 0.6,
            "froc_change": [0.0, 0.0],
        },
        "no dropout": {
            "validation_auc": 0.92,
            "change": [-0.02, 0.0],
            "validation_froc": 0.55,
            "froc_change": [-0.1, 0.0],
        },
    },
}


def test_studies_are_kept_and_shown_each_with_its_verdict_and_source(run, tmp_path):
    folder = tmp_path / "results"
    write_text(run.metrics, json_text(METRICS))
    write_text(run.heads, json_text(HEADS))
    write_text(run.ablation, json_text(ABLATION))
    names = [path.name for path in write_results(run, folder)]
    assert names == ["mias.json", "mias-heads.json", "mias-ablation.json"]
    shown = results_markdown(folder)
    assert "sigmoid and softmax are the same. Rule: As stated." in shown
    assert "| | softmax | sigmoid |\n|---|---|---|\n| patch AUC | 0.9012 | 0.9012 |" in shown
    assert "| seconds of training | 1,234 | 1,234 |\n| weights | 1,001 | 1,000 |" in shown
    assert "| no dropout | 0.9200 | -0.0200, +0.0000 | 0.550 | -0.100, +0.000 |" in shown
    assert shown.count("5 seeds; train.epochs 2; a processor, 2 cores; 2026-11-22, commit 0123456.")


def test_calibration_stands_in_the_table_with_lesions_alike_too(run, tmp_path):
    after = {"slope": FIGURE | {"value": 0.951}, "observed_over_expected": FIGURE}
    calibration = {"after": after, "lesions_equal": {"slope": FIGURE | {"value": 0.731}}}
    write_text(run.metrics, json_text(METRICS | {"calibration": calibration}))
    write_results(run, tmp_path)
    shown = results_markdown(tmp_path)
    assert "| calibration slope | 0.951 (0.850 to 0.950) |" in shown
    assert "| calibration slope, lesions alike | 0.731 (0.850 to 0.950) |" in shown
    assert "| observed / expected, lesions alike | – |" in shown


def kept_recipe(run: RunFolder, folder: Path, **changed: str) -> str:
    """What is shown of studies of a recipe in which these settings differ from that of today."""
    settings = build_settings(ROOT / "configs/mias.yaml", SET | changed)
    recipe = {"recipe": recipe_of(settings, [])}
    write_text(run.crossval, json_text(CROSSVAL | recipe))
    write_text(run.heads, json_text(HEADS | recipe))
    write_text(run.ablation, json_text(ABLATION | recipe | {"schedule": "as in the config"}))
    controls = {"controls": {"oracle_heatmap": CONTROL}, "schedule": {"train.epochs": "2"}}
    write_text(run.controls, json_text(STUDY | recipe | controls))
    figures = {metric.name: FIGURE for metric in headline_metrics()}
    brighter = {"name": "gamma 0.8", "figures": figures, "change": figures}
    counts = {"images": 8, "patients": 2, "lesions": 3, "limit": None}
    changes = {"changes": [brighter], "groups": [], **counts}
    about = {name: STUDY[name] for name in ("hardware", "date", "commit")}
    write_text(run.robustness, json_text(about | recipe | changes))
    write_results(run, folder)
    return results_markdown(folder)


CONTROL = {
    "value": 1.0,
    "low": 1.0,
    "high": 1.0,
    "expected": 1.0,
    "holds": True,
    "required": True,
    "sentence": "All are found.",
}


def test_a_result_of_the_recipe_of_today_is_shown_as_it_is(run, tmp_path):
    shown = kept_recipe(run, tmp_path)
    assert "earlier recipe" not in shown
    oracle = "| A map made from the outlines: mean FROC sensitivity | 1.000 | 1.000 to 1.000 |"
    assert "### mias: controls\n\n| control | value | interval | expected | |\n" in shown
    assert f"{oracle} 1 | holds |" in shown
    assert "### mias: changed mammograms\n\n8 test mammograms of 2 patients with 3" in shown
    assert "| gamma 0.8 | 0.901; +0.901 (0.850 to 0.950) |" in shown


def test_a_result_of_another_recipe_says_what_changed_and_what_makes_it_again(run, tmp_path):
    shown = kept_recipe(run, tmp_path, **{"train.members": "7", "data.root": "elsewhere"})
    assert shown.startswith("| | mias-crossval, of an earlier recipe |\n")
    now = build_settings(ROOT / "configs/mias.yaml", {}).train.members
    assert shown.count(f"; train.members was 7, now {now}). In a new run folder") == 5
    told = "Of an earlier recipe (2026-11-22, commit 0123456; train.members was 7"
    assert f"**mias-crossval.** {told}" in shown
    rest = 'CONFIG=configs/mias.yaml SET="train.seed=3"` and `make result` make it again.'
    for command in (
        "crossval FOLDS=2",
        "compare-heads SEEDS=5",
        "ablation SEEDS=5 SCHEDULE=full",
        "robustness",
    ):
        assert f"`make {command} {rest}" in shown


def test_a_result_without_recipe_or_whose_configuration_is_gone_is_an_earlier_one(run, tmp_path):
    before = {name: value for name, value in METRICS.items() if name != "recipe"}
    write_text(run.metrics, json_text(before))
    write_results(run, tmp_path)
    assert "commit 0123456; not recorded)" in results_markdown(tmp_path)
    (path,) = tmp_path.glob("*.json")
    path.write_text(path.read_text().replace("configs/mias.yaml", "configs/gone.yaml"))
    assert "configs/gone.yaml" in results_markdown(tmp_path).split("earlier recipe (")[1]


def test_a_result_of_a_model_of_other_code_is_an_earlier_one(run, tmp_path):
    settings = build_settings(ROOT / "configs/mias.yaml", SET)
    recipe = recipe_of(settings, [a_card(recipe=0)])
    write_text(run.metrics, json_text(METRICS | {"recipe": recipe}))
    write_results(run, tmp_path)
    assert "code of recipe 0, now" in results_markdown(tmp_path)
