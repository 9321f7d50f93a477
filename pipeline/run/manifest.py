"""What a stage was made from and what it left, by checksum, in RUN/manifest/<stage>.json.

    made_from  SHA-256 of each file that it is made from
    before     SHA-256 of the target that was there when it began, "" where there was none
    left       SHA-256 of each file that later stages read; not there until the stage has ended
    also       SHA-256 of each other file that it wrote, such as pictures and pages, of which later
               stages may write some anew

The next stage reads nothing that is not as it was written. A stage that began and did not end, or
whose settings or inputs are others than those of its result, is not done (freshness.py).
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pipeline.run.atomic import read_json, write_json
from pipeline.run.checksum import file_sha256
from pipeline.run.graph import Node, inputs
from pipeline.run.layout import RunFolder

Sums = dict[str, str]


def begin_manifest(node: Node, run: RunFolder) -> bool:
    """Write down what a stage is made from, and that it has not ended.

    Returns:
        Whether the target that is there is of an attempt that wrote it and did not come to its end.
    """
    old, now = read_manifest(node, run), _sum(node.target(run))
    before = old.get("before", "") if is_unfinished(node, run) else now
    write_json(run.manifest(node.name), {"made_from": input_sums(node, run), "before": before})
    return now != before


def write_manifest(node: Node, run: RunFolder, made_from: Sums | None = None) -> None:
    """Write down what a stage has left.

    Args:
        made_from: `input_sums` when it began; those of now if absent.
    """
    made_from = input_sums(node, run) if made_from is None else made_from
    left, also = _sums(node.leaves, run), _sums(node.also, run)
    write_json(run.manifest(node.name), {"made_from": made_from, "left": left, "also": also})


def read_manifest(node: Node, run: RunFolder) -> dict[str, Any]:
    """The manifest of a stage; empty where there is none that can be read."""
    try:
        tree = read_json(run.manifest(node.name))
    except ValueError:
        return {}
    return tree if isinstance(tree, dict) else {}


def input_sums(node: Node, run: RunFolder) -> Sums:
    """Checksums of the files that a stage is made from, as they are now, by name."""
    return {path.name: _sum(path) for path in inputs(node, run)}


def changed_inputs(node: Node, run: RunFolder) -> list[Path]:
    """The files that a stage is made from that are not as they were for its result.

    None where the manifest does not say what it was made from.
    """
    known = read_manifest(node, run).get("made_from")
    if not isinstance(known, Mapping):
        return []
    there = (path for path in inputs(node, run) if path.is_file())
    return [path for path in there if known.get(path.name) != file_sha256(path)]


def is_unfinished(node: Node, run: RunFolder) -> bool:
    """Whether a stage began and has not come to its end."""
    known = read_manifest(node, run)
    return "made_from" in known and "left" not in known


def changed_since(node: Node, run: RunFolder) -> Path | None:
    """A file that a stage left and that is not as it was; None where all are, or none is known."""
    if run.manifest(node.name).is_file() and not read_manifest(node, run):
        return run.manifest(node.name)
    left = read_manifest(node, run).get("left", {})
    if not isinstance(left, Mapping):
        return run.manifest(node.name)
    return next((run.root / name for name in left if _sum(run.root / name) != left[name]), None)


def _sum(path: Path) -> str:
    return file_sha256(path) if path.is_file() else ""


def _sums(names: Iterable[str], run: RunFolder) -> Sums:
    """Checksums of the files of these names, and of those in the folders of these names."""
    sums: Sums = {}
    for place in (getattr(run, name) for name in names):
        files = sorted(place.rglob("*")) if place.is_dir() else [place]
        there = (path for path in files if path.is_file())
        sums |= {path.relative_to(run.root).as_posix(): file_sha256(path) for path in there}
    return sums
