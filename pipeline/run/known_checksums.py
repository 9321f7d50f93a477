"""Checksums of files already seen, so that a second run reads no file again.

STORE_ROOT/checksums.jsonl has one line per file and state: path, size in bytes, time of the
last change in ns, SHA-256. Lines are only ever appended, each in one write, so runs that share
the store do not disturb each other; a line cut off by a crash is passed over.
"""

import json
import os
from collections.abc import Iterable
from pathlib import Path

State = tuple[str, int, int]


def file_state(path: Path) -> State:
    """What tells whether a file changed: absolute path, size, time of the last change."""
    status = path.stat()
    return str(path.resolve()), status.st_size, status.st_mtime_ns


def read_checksums(root: Path) -> dict[State, str]:
    """The known checksums by state of the file."""
    path = _index(root)
    if not path.is_file():
        return {}
    known = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            name, size, mtime_ns, sha256 = json.loads(line)
        except ValueError:
            continue
        known[name, size, mtime_ns] = sha256
    return known


def add_checksums(root: Path, added: Iterable[tuple[State, str]]) -> None:
    """Remember checksums."""
    text = "".join(json.dumps([*state, sha256]) + "\n" for state, sha256 in added)
    if not text:
        return
    path = _index(root)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        # A line that a crash cut off must not swallow the next one.
        os.write(descriptor, ("\n" + text).encode())
    finally:
        os.close(descriptor)


def _index(root: Path) -> Path:
    return root / "checksums.jsonl"
