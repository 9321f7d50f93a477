"""Whether two folders hold the same results: pixels, tables, maps, weights, figures."""

import csv
import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.run.checksum import value_sha256

# What a stage leaves, below the folder that holds data/ and runs/.
_RUN = "runs/small"
LEFT = {
    "ingest": (f"{_RUN}/catalog",),
    "preprocess": (
        "data/store",
        *(f"{_RUN}/{name}" for name in ("mammograms.csv", "outlines.json", "positions.parquet")),
        *(f"{_RUN}/{name}" for name in ("intake.csv", "intake.json", "audit.json", "breast")),
        *(f"{_RUN}/{name}" for name in ("contact-sheet.png", "preprocess.json")),
    ),
    "train": (f"{_RUN}/model", f"{_RUN}/model-card.md"),
    "heatmap": (
        *(f"{_RUN}/{name}" for name in ("heatmaps", "overlays", "images.csv", "candidates.csv")),
        *(f"{_RUN}/{name}" for name in ("regions.csv", "predictions.parquet", "heatmap.json")),
        f"{_RUN}/report.html",
    ),
    "evaluate": (f"{_RUN}/metrics.json", f"{_RUN}/lesions.csv", f"{_RUN}/paper"),
}
_TIMES = {"seconds", "store_bytes", "time", "date"}
_THERE_ALONE = {"report.html", "model-card.md"}  # which tell times and places in words


def differences(stage: str, ours: Path, theirs: Path) -> list[str]:
    """Names of what a stage left in one folder and not, or not alike, in another."""
    here, there = _sums(stage, ours), _sums(stage, theirs)
    return sorted(name for name in here | there if here.get(name) != there.get(name))


def _sums(stage: str, root: Path) -> dict[str, str]:
    return {path.relative_to(root).as_posix(): _sum(path) for path in _files(stage, root)}


def _files(stage: str, root: Path) -> Iterator[Path]:
    for name in LEFT[stage]:
        place = root / name
        files = sorted(place.rglob("*")) if place.is_dir() else [place]
        # Of a worker that was killed while it wrote; nobody reads it, and times are its own.
        hidden = (path for path in files if path.is_file())
        yield from (p for p in hidden if not p.name.startswith(".") and p.suffix != ".jsonl")


def _sum(path: Path) -> str:
    if path.name in _THERE_ALONE:
        return "there" if path.stat().st_size else "empty"
    if path.suffix == ".npz":
        with np.load(path) as arrays:
            parts = [(name, arrays[name].dtype.str, arrays[name].tobytes()) for name in arrays]
        return hashlib.sha256(repr(parts).encode()).hexdigest()
    content = path.read_bytes()
    if path.suffix == ".json":
        return value_sha256(_without_times(json.loads(content)))
    if path.name == "history.csv":
        rows = csv.DictReader(io.StringIO(content.decode()))
        return value_sha256([_without_times(row) for row in rows])
    return hashlib.sha256(content).hexdigest()


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_times(v) for k, v in value.items() if k not in _TIMES}
    return [_without_times(each) for each in value] if isinstance(value, list) else value
