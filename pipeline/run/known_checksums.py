"""Checksums of files already seen, and work on files that is done once for all runs.

STORE_ROOT/checksums.jsonl (for a store elsewhere: in its folder of this machine) has one line per
file and state: path (of a hospital's file its pseudonym), size in bytes, time of the last change in
ns, SHA-256. Lines are only ever appended, each in one write, so runs that share the store do not
disturb each other; a line cut off by a crash is passed over.
"""

import contextlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from pipeline.config import DicomSettings
from pipeline.run.map_images import Lost, map_images
from pipeline.run.object_path import own_folder, place
from pipeline.run.progress import Plan, shown

_FILE = "checksums.jsonl"
# What tells whether a file changed: absolute path or pseudonym, size, time of the last change.
State = tuple[str, int, int]


class FileJob(Protocol):
    """What is done with one file; `pseudonym` is "" where its path may be written."""

    @property
    def file(self) -> str: ...

    @property
    def pseudonym(self) -> str: ...


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
    plan: Plan | None = None,
    before: Callable[[Sequence[Job]], None] = lambda jobs: None,
) -> list[End | Lost]:
    """The end of each file; what was kept of a file that has not changed is not made again.

    Args:
        kept: what is kept of a job on a file with this SHA-256, if anything.
        work: makes it, in a worker process or on a cluster, and keeps it.
        root: has the checksums.
        title: of the work; a part of `plan`, where there is one.
        before: is called with the jobs to work on, if there are any.
    """
    own = own_folder(root)
    known = _known_checksums(own) if jobs else {}
    states = [_state(place(job.file), job.pseudonym) for job in jobs]
    ends: list[End | Lost | None] = [
        kept(job, known[state]) if state in known else None
        for job, state in zip(jobs, states, strict=True)
    ]
    new = [index for index, end in enumerate(ends) if end is None]
    if new:
        before([jobs[index] for index in new])
        results = map_images(
            work,
            [jobs[index] for index in new],
            workers=limits.workers,
            seconds=limits.decode_seconds,
            mib=limits.decode_mib,
            places=[root],
        )
        for index, end in zip(new, shown(results, len(new), title, plan=plan), strict=True):
            ends[index], state = end, states[index]
            if state and not isinstance(end, Lost) and end.file_sha256:
                _add_checksum(own, state, end.file_sha256)
    return [end for end in ends if end is not None]


def _state(path: Path, pseudonym: str) -> State | None:
    """State of a file; None where it cannot be read, which `work` will report."""
    try:
        status = path.stat()
        return pseudonym or str(path.resolve()), status.st_size, status.st_mtime_ns
    except OSError:
        return None


def _known_checksums(root: Path) -> dict[State | None, str]:
    known: dict[State | None, str] = {}
    with contextlib.suppress(FileNotFoundError), (root / _FILE).open(encoding="utf-8") as lines:
        for line in lines:
            with contextlib.suppress(ValueError):  # cut off
                name, size, mtime_ns, sha256 = json.loads(line)
                known[name, size, mtime_ns] = sha256
    return known


def _add_checksum(root: Path, state: State, sha256: str) -> None:
    root.mkdir(parents=True, exist_ok=True)
    # A line that a crash cut off must not swallow this one.
    line = "\n" + json.dumps([*state, sha256]) + "\n"
    # Without a buffer: in one write.
    with (root / _FILE).open("ab", buffering=0) as file:
        file.write(line.encode())
