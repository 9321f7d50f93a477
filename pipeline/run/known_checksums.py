"""Checksums of files already seen, and work on files that is done once for all runs.

STORE_ROOT/checksums.jsonl has one line per file and state: path, size in bytes, time of the
last change in ns, SHA-256. Lines are only ever appended, each in one write, so runs that share
the store do not disturb each other; a line cut off by a crash is passed over.
"""

import json
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from pipeline.config import DicomSettings
from pipeline.run.map_images import Lost, map_images
from pipeline.run.progress import shown

State = tuple[str, int, int]


class FileJob(Protocol):
    """What is done with one file."""

    @property
    def file(self) -> str: ...


class FileEnd(Protocol):
    """What became of it; `file_sha256` is "" where nothing of it was kept."""

    @property
    def file_sha256(self) -> str: ...


Job = TypeVar("Job", bound=FileJob)
End = TypeVar("End", bound=FileEnd)


def work_once(
    jobs: Sequence[Job],
    *,
    kept: Callable[[Job, str], End | None],
    work: Callable[[Job], End],
    root: Path,
    limits: DicomSettings,
    title: str,
    before: Callable[[int], None] = lambda count: None,
) -> list[End | Lost]:
    """The end of each file; what was kept of a file that has not changed is not made again.

    Args:
        kept: what is kept of a job on a file with this SHA-256, if anything.
        work: makes it, in a worker process, and keeps it.
        root: has the checksums.
        limits: of the workers.
        title: of the work, for people.
        before: is called with the number of files to work on, if there are any.
    """
    checksums = read_checksums(root) if jobs else {}
    states = [_state(Path(job.file)) for job in jobs]
    ends: dict[int, End | Lost] = {}
    for index, (job, state) in enumerate(zip(jobs, states, strict=True)):
        checksum = checksums.get(state) if state else None
        end = kept(job, checksum) if checksum else None
        if end is not None:
            ends[index] = end
    new = [index for index in range(len(jobs)) if index not in ends]
    if not new:
        return [ends[index] for index in range(len(jobs))]
    before(len(new))
    results = map_images(
        work,
        [jobs[index] for index in new],
        workers=limits.workers,
        seconds=limits.decode_seconds,
        mib=limits.decode_mib,
    )
    for index, end in zip(new, shown(results, len(new), title), strict=True):
        ends[index], state = end, states[index]
        if state and not isinstance(end, Lost) and end.file_sha256:
            add_checksums(root, [(state, end.file_sha256)])
    return [ends[index] for index in range(len(jobs))]


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


def _state(path: Path) -> State | None:
    """State of a file; None where it cannot be read, which `work` will report."""
    try:
        return file_state(path)
    except OSError:
        return None


def _index(root: Path) -> Path:
    return root / "checksums.jsonl"
