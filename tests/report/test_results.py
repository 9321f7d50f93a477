"""What `make result` keeps, and the table that the README makes of it."""

import json
from pathlib import Path

import pytest

from pipeline.config import Settings
from pipeline.report.results import results_markdown, write_results
from pipeline.run.atomic import json_text, write_text
from pipeline.run.errors import UserError
from pipeline.run.events import EventLog
from pipeline.run.layout import RunFolder
from pipeline.run.settings import Remembered, remember

FIGURE = {"value": 0.9012, "low": 0.85, "high": 0.95, "n": 1234}
METRICS = {
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
    said = {"data.root": "somewhere", "train.seed": "3"}
    remember(run, Settings(), Remembered("configs/mias.yaml", said, ""))
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


def test_the_table_has_a_column_for_each_run_and_none_for_a_study(run, tmp_path):
    write_text(run.metrics, json_text(METRICS))
    write_text(run.crossval, json_text(CROSSVAL))
    folder = tmp_path / "results"
    write_results(run, folder)
    before = results_markdown(folder)
    assert before.startswith("| | mias | mias-crossval |\n|---|---|---|\n")
    assert "| patch AUC | 0.901 (0.850 to 0.950) | 0.876 (0.850 to 0.950) |" in before
    studies = {
        "heads": {"arms": {"softmax": {"patch_auc": {"mean": 0.9}}}, "verdicts": {}},
        "ablation": {"variants": {}, "seeds": 2},
        "bench": [{"task": "map", "seconds": 1.0}],
    }
    for name, content in studies.items():
        write_text(folder / f"{name}.json", json_text(content))
    assert results_markdown(folder) == before
