"""The stage graph: what is needed, what is done, and whose code it is."""

import json
import os
import re
from pathlib import Path

import pytest

from pipeline.config import Settings
from pipeline.run.code import ROOT
from pipeline.run.events import EventLog
from pipeline.run.freshness import is_done, status
from pipeline.run.graph import GRAPH, STAGE_SECTIONS, inputs, is_last, needed_for, next_step
from pipeline.run.layout import RunFolder
from pipeline.run.settings import Remembered, remember


@pytest.fixture
def run(tmp_path) -> RunFolder:
    run = RunFolder(tmp_path / "run")
    remember(run, Settings(), Remembered("configs/default.yaml"))
    return run


def write(path: Path, *, seconds: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}")
    os.utime(path, (seconds, seconds))


def all_done(run: RunFolder) -> None:
    """Every target is written a second after the last one, long after the settings."""
    for path in run.stage_settings("ingest").parent.iterdir():
        os.utime(path, (1, 1))
    for number, node in enumerate(GRAPH.values(), start=10):
        write(node.target(run), seconds=number)


def names(nodes) -> list[str]:
    return [node.name for node in nodes]


def test_a_stage_needs_those_before_it_and_the_intake_is_none_of_them(run):
    assert names(needed_for("heatmap", run)) == ["ingest", "preprocess", "train", "heatmap"]
    assert names(needed_for("intake", run)) == ["ingest", "intake"]


def test_with_a_borrowed_model_nothing_is_trained_and_its_description_counts(run):
    write(run.borrowed_model, seconds=5)
    assert names(needed_for("heatmap", run)) == ["ingest", "preprocess", "heatmap"]
    assert run.borrowed_model in inputs(GRAPH["heatmap"], run)


def test_a_stage_is_done_when_its_target_is_newer_than_all_that_it_is_made_from(run):
    all_done(run)
    assert names(n for n in GRAPH.values() if not is_done(n, run)) == ["ingest"]  # it looks itself
    write(run.stage_settings("train"), seconds=99)
    assert names(n for n in GRAPH.values() if not is_done(n, run)) == [
        *("ingest", "train", "calibrate")
    ]
    run.metrics.unlink()
    assert not is_done(GRAPH["evaluate"], run)


def test_every_stage_has_the_function_that_does_its_work():
    for node in GRAPH.values():
        (file,) = ROOT.glob(f"{node.module.replace('.', '/')}.py")
        assert re.search(rf"^def {node.name}\(stage: Stage\b", file.read_text(), re.MULTILINE)


def test_the_code_of_a_stage_is_all_that_it_is_made_of():
    def code(stage: str) -> set[str]:
        return {path.relative_to(ROOT).as_posix() for path in GRAPH[stage].code}

    def rooms(stage: str) -> set[str]:
        return {name.removeprefix("pipeline/").split("/")[0] for name in code(stage)}

    assert rooms("ingest") >= {"ingest", "run", "config"}
    assert rooms("preprocess") >= {"preprocess", "annotations", "dicom"}
    assert rooms("train") >= {"train", "model", "preprocess", "annotations", "models"}
    assert rooms("heatmap") >= {"heatmap", "model", "preprocess", "annotations", "models"}
    assert rooms("evaluate") >= {"evaluate", "figures", "model", "preprocess", "annotations"}
    # Importers are named in a table, templates stand beside the code.
    assert "pipeline/ingest/mias.py" in code("ingest")
    assert {"pipeline/pages/style.css", "pipeline/report/model-card.md"} <= code("heatmap")
    assert "pipeline/train/stage.py" not in code("ingest")
    assert not {"tracking", "studies"} & set().union(*map(rooms, STAGE_SECTIONS))


def test_status_says_where_the_code_of_a_result_is_not_known(run):
    all_done(run)
    log = EventLog(run, "train")
    log.start(settings={}, commit="", dirty=False)
    log.finish(status="finished", seconds=1.0, peak_mib=1.0)
    sentences = dict(status(run))
    assert sentences["train"] == ("up to date with its files; the commit of its code is not known")
    assert sentences["evaluate"] == "up to date"


def test_status_says_which_stages_other_code_of_another_room_has_made(run):
    all_done(run)
    for stage in GRAPH:
        log = EventLog(run, stage)
        log.start(settings={}, commit="0123456789abc", dirty=False)
        log.finish(status="finished", seconds=1.0, peak_mib=1.0)

    def changed(commit: str, files: frozenset[Path]) -> list[str]:
        assert commit == "0123456789abc"
        wanted = "pipeline/preprocess/positions.py"
        return [wanted] if ROOT / wanted in files else []

    sentences = dict(status(run, changed=changed))
    told = "since commit 0123456789 pipeline/preprocess/positions.py changed; FORCE=1 redoes it"
    assert sentences["ingest"] == "up to date"
    assert sentences["train"] == f"made by other code: {told}"
    assert sentences["heatmap"] == f"made by other code: {told}"


@pytest.mark.parametrize(
    ("goals", "last"),
    [
        ("preprocess train heatmap evaluate", ["evaluate"]),
        ("train preprocess", ["train"]),
        ("intake preprocess", ["intake", "preprocess"]),  # neither is made from the other
        ("evaluate more", []),
        ("more", []),
    ],
)
def test_only_the_last_stage_that_was_asked_for_is_the_last(run, goals, last):
    assert [name for name in GRAPH if is_last(name, goals.split(), run)] == last


def test_every_stage_says_what_comes_next(tmp_path):
    run = RunFolder(tmp_path / "a run")
    for name in GRAPH:
        assert f"'{run.root}" in next_step(name, run) and "make" in next_step(name, run)


@pytest.mark.parametrize(
    ("images", "positives", "said"),
    [
        ({"train": 8, "validation": 2}, {"train": 3, "validation": 0}, "make train RUN="),
        ({"train": 8, "validation": 2}, {"train": 0, "validation": 0}, "no lesion to train on"),
        ({"train": 0, "validation": 0}, {"train": 0, "validation": 0}, "all patients are held out"),
    ],
)
def test_without_what_a_training_needs_preprocess_says_what_is_missing(
    run, images, positives, said
):
    summary = {
        split: {"images": images[split], "positions": {"positive": positives[split]}}
        for split in images
    }
    run.preprocess_summary.write_text(json.dumps(summary))
    told = next_step("preprocess", run)
    assert told.startswith(said) and ("make train" in told) == (said == "make train RUN=")
    assert f"with the model of another run make heatmap RUN={run.root} MODEL=" in told


def test_after_preprocess_a_run_with_the_model_of_another_does_not_train(run):
    run.borrowed_model.parent.mkdir(exist_ok=True)
    run.borrowed_model.touch()
    assert next_step("preprocess", run) == f"make heatmap RUN={run.root}"
