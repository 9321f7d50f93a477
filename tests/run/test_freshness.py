"""What is done and what is redone: by content, whatever the clock says, and as Make sees it."""

import os
from pathlib import Path

import pytest

from pipeline.config import Settings
from pipeline.run.freshness import is_done, put_in_order, status, tell_make
from pipeline.run.graph import GRAPH, Node
from pipeline.run.layout import RunFolder
from pipeline.run.manifest import begin_manifest, write_manifest
from pipeline.run.settings import Remembered, remember
from pipeline.run.stage import run_stage

STAGES = ("ingest", "preprocess", "train", "heatmap", "evaluate")
DAY_NS = 86_400 * 10**9


@pytest.fixture
def run(tmp_path) -> RunFolder:
    """A run folder that is done up to the evaluation."""
    run = RunFolder(tmp_path / "run")
    remember(run, Settings(), Remembered("configs/default.yaml"))
    for name in STAGES:
        write(GRAPH[name].target(run), name)
        write_manifest(GRAPH[name], run)
    assert not_done(run) == []
    return run


def write(path: Path, text: str, *, days: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    time_ns = path.stat().st_mtime_ns + days * DAY_NS
    os.utime(path, ns=(time_ns, time_ns))


def not_done(run: RunFolder) -> list[str]:
    return [name for name in STAGES[1:] if not is_done(GRAPH[name], run)]


def make_would_redo(run: RunFolder, name: str) -> bool:
    """By times alone."""
    settings = run.stage_settings(name).stat().st_mtime_ns
    return settings > GRAPH[name].target(run).stat().st_mtime_ns


@pytest.mark.parametrize("days", [-1, 1])
def test_other_settings_are_seen_whatever_the_clock_says_and_make_is_told(run, days):
    write(run.stage_settings("heatmap"), "heatmap: {tile_px: 512}", days=days)
    assert not_done(run) == ["heatmap"]
    tell_make(run)
    assert [name for name in STAGES[1:] if make_would_redo(run, name)] == ["heatmap"]
    assert "older than heatmap.yaml" in dict(status(run))["heatmap"]


def test_what_was_redone_with_the_clock_set_back_is_done(run):
    write(run.stage_settings("heatmap"), "heatmap: {tile_px: 512}", days=-1)
    tell_make(run)
    write(run.heatmap_summary, "new", days=-1)
    write_manifest(GRAPH["heatmap"], run)
    put_in_order(GRAPH["heatmap"], run)
    assert not make_would_redo(run, "heatmap")
    # What is made from it is not, and Make sees that too.
    assert not_done(run) == ["evaluate"]
    assert run.heatmap_summary.stat().st_mtime_ns > run.metrics.stat().st_mtime_ns


@pytest.mark.parametrize("name", STAGES[1:])
def test_a_stage_that_began_and_did_not_end_is_redone(run, name):
    assert begin_manifest(GRAPH[name], run) is False
    assert not_done(run) == [name]
    assert "begun again and not ended" in dict(status(run))[name]
    tell_make(run)
    assert make_would_redo(run, name)
    # Dead after its target was written, and before it had ended; the attempt after it died too.
    write(GRAPH[name].target(run), "new", days=1)
    for _ in range(2):
        assert begin_manifest(GRAPH[name], run) is True


def test_a_stage_whose_settings_change_while_it_works_is_not_done(run, monkeypatch, capsys):
    class Changes(Node):
        work = property(lambda node: lambda stage: write(run.stage_settings("heatmap"), "x: {}"))

    node = GRAPH["heatmap"]
    changing = Changes("heatmap", "", node.writes_last, node.after, node.sections, node.settings)
    monkeypatch.setitem(GRAPH, "heatmap", changing)
    with pytest.raises(SystemExit):
        run_stage("heatmap", run.root)
    assert f"{run.stage_settings('heatmap')} changed while" in capsys.readouterr().err
    assert "heatmap" in not_done(run)
