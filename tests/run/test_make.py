"""What Make redoes: exactly the stages whose settings or inputs changed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.config import Settings
from pipeline.run.settings import setting_names

ROOT = Path(__file__).parents[2]

# Stands for the python of the stages: settings run for real, a stage only makes its target.
STUB = """#!/usr/bin/env bash
name=$(basename "$1" .py)
case $name in
  settings) exec {python} "$@" ;;
  track) exit 0 ;;
esac
echo "$name" >> {log}
case $name in
  ingest) target=catalog/catalog.json ;;
  inspect_file) [ "$2" = "path with blanks/a.dcm" ]; exit ;;
  intake) target=intake.json ;;
  preprocess) target=preprocess.json; date +%N > "$3/intake.json" ;;
  train) target=model/model.json ;;
  heatmap) target=heatmap.json ;;
  evaluate) target=metrics.json ;;
  calibrate) target=calibrate.json ;;
esac
mkdir -p "$(dirname "$3/$target")"
# Like the real one, ingest leaves an unchanged catalog alone.
[ "$name" = ingest ] && [ -e "$3/$target" ] || date +%N > "$3/$target"
"""


@pytest.fixture
def make(tmp_path):
    log, stub = tmp_path / "log", tmp_path / "stub"
    stub.write_text(STUB.format(python=sys.executable, log=log))
    stub.chmod(0o755)
    installed = tmp_path / "venv" / "installed"
    installed.parent.mkdir()
    installed.write_text("")

    def run(*words: str, ok: bool = True) -> list[str]:
        log.write_text("")
        # Inside `make test` these would reach the inner make.
        clean = {
            k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")
        }
        done = subprocess.run(
            ["make", *words, f"RUN={tmp_path / 'run'}", f"PY={stub}", f"VENV={tmp_path / 'venv'}"],
            cwd=ROOT,
            env=clean,
            check=False,
            capture_output=True,
            text=True,
        )
        assert (done.returncode == 0) == ok, done.stdout + done.stderr
        run.output = done.stdout + done.stderr
        return log.read_text().split()

    return run


ALL = ["ingest", "preprocess", "train", "heatmap", "evaluate"]


def test_a_stage_does_what_it_needs_before_it_and_nothing_twice(make):
    assert make("evaluate") == ALL
    # Ingest looks for new files every time; it finds none, so nothing else runs.
    assert make("preprocess", "train", "heatmap", "evaluate") == ["ingest"]


def test_a_changed_setting_redoes_the_stages_that_depend_on_it(make):
    make("evaluate")
    assert make("evaluate", "SET=heatmap.tile_px=512") == ["ingest", "heatmap", "evaluate"]
    assert make("evaluate") == ["ingest"]
    assert make("evaluate", "SET=train.seed=5") == ["ingest", "train", "heatmap", "evaluate"]


def test_the_intake_is_done_once_by_itself_or_by_preprocess(make):
    assert make("intake") == ["ingest", "intake"]
    assert make("intake") == ["ingest"]
    assert make("preprocess") == ["ingest", "preprocess"]
    assert make("intake", "SET=image.spacing_mm=0.4") == ["ingest", "intake"]
    assert make("preprocess") == ["ingest", "preprocess"]
    assert make("intake") == ["ingest"]


def test_an_inspection_needs_a_file_and_no_stage(make):
    assert make("inspect", "FILE=path with blanks/a.dcm") == ["inspect_file"]


def test_force_redoes_the_named_target(make):
    make("heatmap")
    assert make("train", "FORCE=1") == ["ingest", "train"]


def test_a_misspelt_setting_stops_before_any_work(make):
    assert make("heatmap", "SET=train.epoch=3", ok=False) == []
    assert "Did you mean train.epochs" in make.output


def test_a_model_of_another_run_replaces_training(make, tmp_path):
    model = tmp_path / "other" / "model" / "model.json"
    words = (f"MODEL={tmp_path / 'other'}", "CONFIG=configs/dicom.yaml")
    assert make("heatmap", *words, ok=False) == []
    assert "holds no finished model" in make.output
    model.parent.mkdir(parents=True)
    model.write_text(Settings().model_dump_json(include={"image", "labels", "maps"}))
    assert make("heatmap", *words) == ["ingest", "preprocess", "heatmap"]
    # The run remembers its model.
    assert make("heatmap") == ["ingest"]


def test_a_calibration_needs_a_model_and_is_done_once(make, tmp_path):
    assert make("calibrate", "CONFIG=configs/dicom.yaml", ok=False) == []
    assert "make calibrate MODEL=" in make.output
    model = tmp_path / "other" / "model" / "model.json"
    model.parent.mkdir(parents=True)
    model.write_text(Settings().model_dump_json(include={"image", "labels", "maps"}))
    words = ("calibrate", f"MODEL={tmp_path / 'other'}", "CONFIG=configs/dicom.yaml")
    assert make(*words) == ["ingest", "preprocess", "heatmap", "calibrate"]
    assert make("calibrate") == ["ingest"]
    assert make("calibrate", "FORCE=1") == ["ingest", "calibrate"]


def test_a_run_cannot_be_its_own_model(make, tmp_path):
    make("train", "CONFIG=configs/dicom.yaml")
    card = tmp_path / "run" / "model" / "model.json"
    card.write_text(Settings().model_dump_json(include={"image", "labels", "maps"}))
    assert make("heatmap", f"MODEL={tmp_path / 'run'}", ok=False) == []
    assert "is the folder of this run" in make.output


def test_help_explains_every_target_and_every_setting(make):
    make("help")
    shown = make.output
    targets = (*ALL, "intake", "inspect", "ui", "status", "test", "lint")
    for name in (*targets, "CONFIG=", "RUN=", "SET=", *setting_names()):
        assert name in shown
