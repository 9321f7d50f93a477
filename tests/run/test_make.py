"""What Make redoes: exactly the stages whose settings or inputs changed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.run.graph import GRAPH, inputs
from pipeline.run.layout import RunFolder
from pipeline.run.settings import load_settings, setting_names
from tests.model.cards import write_a_card

ROOT = Path(__file__).parents[2]

# Stands for the python of the stages: settings run for real, a stage only makes its target.
STUB = """#!/usr/bin/env bash
name=$(basename "$1" .py)
case $name in
  settings) exec {python} "$@" ;;
  track) exit 0 ;;
  stage) name=$2; run=$4 ;;
  inspect_file) [ "$2" = "path with blanks/a.dcm" ] ;;
  study) name="$2 ${{*:3}}" ;;
esac
echo "$name${{SCHEDULER:+ on $SCHEDULER}}" >> {log}
case $name in
  ingest) target=catalog/catalog.json ;;
  intake) target=intake.json ;;
  preprocess) target=preprocess.json; date +%N > "$run/intake.json" ;;
  train) target=model/model.json ;;
  heatmap) target=heatmap.json ;;
  evaluate) target=metrics.json ;;
  calibrate) target=calibrate.json ;;
  *) exit ;;
esac
echo "$MAMMO_GOALS" > {log}.goals
mkdir -p "$(dirname "$run/$target")"
# Like the real one, ingest leaves an unchanged catalog alone.
[ "$name" = ingest ] && [ -e "$run/$target" ] || date +%N > "$run/$target"
"""


@pytest.fixture
def make(tmp_path):
    log, stub = tmp_path / "log", tmp_path / "stub"
    stub.write_text(STUB.format(python=sys.executable, log=log))
    stub.chmod(0o755)
    installed = tmp_path / "venv" / "installed"
    installed.parent.mkdir()
    installed.write_text("")

    def run(*words: str, ok: bool = True, name: str = "run") -> list[str]:
        log.write_text("")
        # Inside `make test` these would reach the inner make.
        clean = {
            k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")
        }
        done = subprocess.run(
            ["make", *words, f"RUN={tmp_path / name}", f"PY={stub}", f"VENV={tmp_path / 'venv'}"],
            cwd=ROOT,
            env=clean,
            check=False,
            capture_output=True,
            text=True,
        )
        assert (done.returncode == 0) == ok, done.stdout + done.stderr
        run.output = done.stdout + done.stderr
        run.status = done.returncode
        return log.read_text().splitlines()

    run.root, run.goals = tmp_path / "run", tmp_path / "log.goals"
    return run


ALL = ["ingest", "preprocess", "train", "heatmap", "evaluate"]


def test_a_stage_does_what_it_needs_before_it_and_nothing_twice(make):
    assert make("evaluate") == ALL
    # Ingest looks for new files every time; it finds none, so nothing else runs.
    assert make("preprocess", "train", "heatmap", "evaluate") == ["ingest"]


@pytest.mark.parametrize(
    ("words", "goals"),
    [
        (["preprocess", "train"], "preprocess train"),
        (["evaluate", "controls"], "evaluate more"),
        (["controls"], "more"),
    ],
)
def test_stages_are_told_what_was_asked_for(make, words, goals):
    make(*words)
    assert make.goals.read_text().split() == goals.split()


def test_a_changed_setting_redoes_the_stages_that_depend_on_it(make):
    make("evaluate")
    assert make("evaluate", "SET=heatmap.tile_px=512") == ["ingest", "heatmap", "evaluate"]
    assert make("evaluate", "SET=train.seed=5") == ["ingest", "train", "heatmap", "evaluate"]


def test_the_intake_is_done_once_by_itself_or_by_preprocess(make):
    assert make("intake") == ["ingest", "intake"]
    assert make("intake", "preprocess") == ["ingest", "preprocess"]
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


def a_model(place: Path) -> Path:
    """A run whose model has settings that no other has."""
    write_a_card(place / "model", image={"spacing_mm": 0.3})
    return place


def test_a_calibration_needs_a_model(make):
    assert make("calibrate", "CONFIG=configs/dicom.yaml", ok=False) == []
    assert "make calibrate MODEL=" in make.output


def test_a_model_of_another_run_replaces_training(make, tmp_path):
    words = (f"MODEL={tmp_path / 'other one'}", "CONFIG=configs/dicom.yaml")
    assert make("calibrate", *words, ok=False) == []
    assert "holds no finished model" in make.output
    a_model(tmp_path / "other one")
    assert make("calibrate", *words) == ["ingest", "preprocess", "heatmap", "calibrate"]
    # The run remembers its model, and trains none of its own.
    assert make("train", "calibrate") == ["ingest"]
    assert make("train", "calibrate", "FORCE=1") == ["ingest", "calibrate"]


def test_a_remembered_model_that_make_does_not_know_yet_trains_nothing(make, tmp_path):
    model = a_model(tmp_path / "other")
    make("preprocess", f"MODEL={model}", "CONFIG=configs/dicom.yaml")
    RunFolder(tmp_path / "run").borrowed_model.unlink()  # as in a folder of earlier code
    assert make("heatmap", ok=False) == []
    assert f"uses the model of {model}" in make.output
    assert make("heatmap") == ["ingest", "heatmap"]


def test_blanks_and_quotation_marks_reach_the_run_as_they_are(make, tmp_path):
    words = ("INPUT=my data's $(touch oops)", "SET=data.split='a b.csv'")
    assert make("preprocess", *words, name="a run") == ["ingest", "preprocess"]
    assert make("preprocess", name="a run") == ["ingest"]
    data = load_settings(RunFolder(tmp_path / "a run")).data
    assert data.root == Path("my data's $(touch oops)")
    assert data.split == Path("a b.csv")
    assert not (ROOT / "oops").exists()


@pytest.mark.parametrize(
    "name",
    ["a, b's", "x: [1] (2) *?", "日本 $(shell touch oops) `touch oops`", 'q"$HOME=&!{a,b}<>'],
)
def test_a_run_folder_may_be_called_anything(make, tmp_path, name):
    assert make("heatmap", name=name) == ALL[:4]
    assert make("heatmap", name=name) == ["ingest"]
    # What the run remembers is found again.
    model, borrowing = a_model(tmp_path / f"model {name}"), f"borrowing {name}"
    words = ("heatmap", f"MODEL={model}", f"INPUT={name}", "CONFIG=configs/dicom.yaml")
    assert make(*words, name=borrowing) == ["ingest", "preprocess", "heatmap"]
    assert make("heatmap", name=borrowing) == ["ingest"]
    assert load_settings(RunFolder(tmp_path / borrowing)).data.root == Path(name)
    assert not (ROOT / "oops").exists()


@pytest.mark.parametrize("name", ["a%b", "a;b", "a | b", "a#b", "a\\b"])
def test_a_name_that_make_cannot_take_is_refused_with_what_to_do(make, name):
    assert make("ingest", ok=False, name=name) == []
    assert "which Make cannot take" in make.output
    assert "RUN=runs/mine" in make.output


@pytest.mark.parametrize(
    ("config", "run"),
    [
        ("configs/mias.yaml", "runs/mias"),
        ("my configs/a b.c.yaml", "runs/a b.c"),
        ("x/日本 $(id) [1].yaml", "runs/日本 $(id) [1]"),
    ],
)
def test_a_run_is_called_after_its_config(config, run):
    words = ["make", "-n", "status", f"CONFIG={config}", "VENV=none"]
    clean = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "RUN")}
    done = subprocess.run(words, cwd=ROOT, env=clean, check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1].endswith(f"--run '{run}'")


@pytest.mark.parametrize(
    ("word", "is_told"),
    [("SET=train.epochs=3", True), ("INPUT=x", True), ("CONFIG=configs/mias.yaml", False)],
)
def test_status_is_told_of_settings_that_it_does_not_look_at(word, is_told):
    words = ["make", "-n", "status", word, "VENV=none"]
    clean = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "SET")}
    done = subprocess.run(words, cwd=ROOT, env=clean, check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1].endswith(" --given") == is_told


def test_nothing_that_lies_in_a_run_folder_is_executed(make, tmp_path):
    settings = tmp_path / "run" / "settings"
    settings.mkdir(parents=True)
    for name in ("model", "borrowed-model.yaml", "run.yaml"):
        (settings / name).write_text(f"$(shell touch {tmp_path}/oops) `touch {tmp_path}/oops`\n")
    make("heatmap", ok=False)
    assert not (tmp_path / "oops").exists()


def test_nothing_that_is_given_is_executed(make, tmp_path):
    text = (ROOT / "Makefile").read_text()
    names = set(re.findall(r"\b(?:value |quoted,|given,|or_else,)([A-Z]+)\b", text)) - {"SET_ALL"}
    assert {"SEEDS", "SCHEDULE", "FORCE", "INPUT", "FILES"} <= names
    make("help", *(f"{name}=$(shell touch {tmp_path}/{name})" for name in names - {"RUN"}))
    assert sorted(tmp_path.glob("[A-Z]*")) == []


def test_a_scheduler_reaches_the_stages_as_the_text_that_it_is(make, tmp_path, monkeypatch):
    text = f"tcp://a:1 $(shell touch {tmp_path}/oops) `touch {tmp_path}/oops`"
    assert make("ingest", f"SCHEDULER={text}") == [f"ingest on {text}"]
    monkeypatch.setenv("SCHEDULER", text)
    assert make("preprocess") == [f"ingest on {text}", f"preprocess on {text}"]
    assert not (tmp_path / "oops").exists()


def test_a_study_gets_its_options(make):
    assert make("crossval", "FOLDS=3") == [f"crossval --run {make.root} --folds 3"]
    assert make("compare-heads", "SEEDS=2", "KINDS=1", "SCHEDULE=full") == [
        f"compare-heads --run {make.root} --seeds 2 --full --kinds"
    ]
    assert make("compare", "RUNS=runs/a 'runs/b c'") == ["compare runs/a 'runs/b c'"]


@pytest.mark.parametrize("borrows", [False, True])
def test_the_rules_are_those_of_the_graph(tmp_path, borrows):
    run = RunFolder(tmp_path)
    if borrows:
        run.borrowed_model.parent.mkdir()
        run.borrowed_model.touch()
    database = subprocess.run(
        ["make", "-pn", "-f", ROOT / "Makefile", "help", f"RUN={tmp_path}", "VENV=x"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    ).stdout
    rules = dict(re.findall(r"^([^#\s][^:\n]*): (.*)$", database, re.MULTILINE))
    for name, node in GRAPH.items():
        needs = {str(path) for path in inputs(node, run)} | ({"always"} if node.always else set())
        assert set(rules[str(node.target(run))].split()) == needs, name


def test_help_explains_every_target_and_every_setting(make):
    make("help")
    shown = make.output
    targets = (*ALL, "intake", "inspect", "ui", "status", "test", "lint")
    for name in (*targets, "CONFIG=", "RUN=", "SET=", *setting_names()):
        assert name in shown


@pytest.mark.parametrize(
    ("word", "meant"), [("trian", "train"), ("heatmpa", "heatmap"), ("serv", "serve"), ("q'x", "")]
)
def test_a_word_that_is_no_target_gets_the_nearest_one(make, word, meant):
    assert make(word, ok=False) == []
    assert f"There is no target {word}; " in make.output
    assert (f"did you mean {meant}?" in make.output) if meant else "did you mean" not in make.output
    assert make.status == 2
