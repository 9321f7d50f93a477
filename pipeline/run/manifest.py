"""What a stage left, by checksum: the next one reads nothing that is not as it was written.

RUN/manifest/<stage>.json has the SHA-256 of each file that later stages read. It is taken away
before the stage begins and written when it has ended, so it never speaks of another attempt.
"""

from collections.abc import Iterator
from pathlib import Path

from pipeline.run.atomic import read_json, write_json
from pipeline.run.checksum import file_sha256
from pipeline.run.graph import Node
from pipeline.run.layout import RunFolder


def write_manifest(node: Node, run: RunFolder) -> None:
    """Write down what a stage has left."""
    sums = {path.relative_to(run.root).as_posix(): file_sha256(path) for path in _left(node, run)}
    write_json(run.manifest(node.name), sums)


def changed_since(node: Node, run: RunFolder) -> Path | None:
    """A file that a stage left and that is not as it was; None where all are, or none is known."""
    try:
        sums = read_json(run.manifest(node.name))
        known = {run.root / name: str(sha256) for name, sha256 in (sums or {}).items()}
    except (ValueError, AttributeError):
        return run.manifest(node.name)
    for path, sha256 in known.items():
        if not path.is_file() or file_sha256(path) != sha256:
            return path
    return None


def _left(node: Node, run: RunFolder) -> Iterator[Path]:
    for name in node.leaves:
        place = getattr(run, name)
        files = sorted(place.rglob("*")) if place.is_dir() else [place]
        yield from (path for path in files if path.is_file())
