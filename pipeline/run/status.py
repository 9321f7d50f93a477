"""What is done in a run folder, and what is older than its inputs, settings or code."""

import subprocess
from pathlib import Path

from pipeline.config import STAGE_SECTIONS
from pipeline.run.events import read_events
from pipeline.run.layout import RunFolder
from pipeline.run.settings import recall

# The folders whose code makes a stage's result.
CODE = {
    "ingest": ("pipeline/ingest",),
    "intake": ("pipeline/preprocess",),
    "preprocess": ("pipeline/preprocess",),
    "train": ("pipeline/train", "pipeline/metrics", "models"),
    "heatmap": ("pipeline/heatmap", "pipeline/metrics", "models"),
    "evaluate": ("pipeline/evaluate", "pipeline/metrics"),
}


def status(run: RunFolder) -> list[tuple[str, str]]:
    """(stage, sentence) for each stage, in order."""
    files = dependencies(run)
    commits = _commits(run)
    return [(stage, _sentence(stage, *files[stage], commits.get(stage))) for stage in files]


def dependencies(run: RunFolder) -> dict[str, tuple[Path, list[Path]]]:
    """For each stage its target file and what that is made from."""
    model = recall(run).model
    card = (RunFolder(Path(model)) if model else run).model / "model.json"
    files = {
        "ingest": (run.catalog, []),
        "intake": (run.intake_summary, [run.catalog, run.stage_settings("preprocess")]),
        "preprocess": (run.preprocess_summary, [run.catalog]),
        "train": (card, [] if model else [run.preprocess_summary]),
        "heatmap": (run.heatmap_summary, [card, run.preprocess_summary]),
        "evaluate": (run.metrics, [run.heatmap_summary]),
    }
    for stage in STAGE_SECTIONS:
        # Ingest looks at its data every time, and another run's model has its own settings.
        if stage != "ingest" and not (stage == "train" and model):
            files[stage][1].append(run.stage_settings(stage))
    return files


def _sentence(stage: str, target: Path, inputs: list[Path], commit: str | None) -> str:
    if not target.exists():
        return "not done"
    age = target.stat().st_mtime_ns
    newer = [p.name for p in inputs if p.exists() and p.stat().st_mtime_ns > age]
    if newer:
        return f"older than {', '.join(newer)}; the next make redoes it"
    if commit and _code_changed(stage, commit):
        return f"made by other code (commit {commit[:10]}); FORCE=1 redoes it"
    return "up to date"


def _commits(run: RunFolder) -> dict[str, str]:
    """The commit of each stage's last finished work; absent when the tree was not clean."""
    started, finished = {}, {}
    for event in read_events(run.events):
        if event["event"] == "start":
            started[event["stage"]] = "" if event["dirty"] else event["commit"]
        elif event["event"] == "finish" and event["status"] == "finished":
            finished[event["stage"]] = started.get(event["stage"], "")
    return finished


def _code_changed(stage: str, commit: str) -> bool:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        ["git", "-C", root, "diff", "--quiet", commit, "--", *CODE[stage]],
        check=False,
        capture_output=True,
    )
    return done.returncode == 1
