"""The event log of a run: one JSON object per line, appended by the stages, read by tracking.

Every line has `time` (Unix seconds), `stage` and `event`:

    start     settings (flat dict), commit ("" if unknown), dirty (bool: code differs from it)
    metrics   step (int), values (dict of name to float)
    artifact  path (relative to the run folder), folder ("" or a subfolder in MLflow)
    image     path, key (what it shows), step; logged again, it is the same picture
    parts     values (dict of the name of a part of the work to `Spent` on it)
    finish    status ("finished" or "failed"), seconds, peak_mib, message; own and workers, the
              processor seconds of the process and of its workers
"""

import contextlib
import json
import math
import os
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from pipeline.run.layout import RunFolder
from pipeline.run.spent import Spent


@dataclass
class _Begun:
    """What the log of a stage and those of its parts know of its start."""

    held_start: str = ""
    idle: bool = False


@dataclass(frozen=True)
class EventLog:
    """Appends the events of one stage to RUN/events.jsonl."""

    run: RunFolder
    stage: str
    prefix: str = ""
    _begun: _Begun = field(default_factory=_Begun)

    def start(self, *, settings: dict, commit: str, dirty: bool) -> None:
        """Log the start, together with the first event after it."""
        fields = {"settings": settings, "commit": commit, "dirty": dirty}
        self._begun.held_start = self._line(event="start", **fields)

    def nothing_to_do(self) -> None:
        """Log neither start nor finish: the stage looked and found everything up to date."""
        self._begun.held_start, self._begun.idle = "", True

    def metrics(self, values: dict[str, float], *, step: int = 0) -> None:
        """Log named numbers at a step; values that are not finite are left out."""
        finite = {self.prefix + n: float(v) for n, v in values.items() if math.isfinite(v)}
        self._append(event="metrics", step=int(step), values=finite)

    def under(self, prefix: str) -> "EventLog":
        """The same log for a part of the stage, whose metrics get a prefix."""
        return replace(self, prefix=prefix)

    def artifact(self, path: Path, *, folder: str = "") -> None:
        self._append(event="artifact", path=self._relative(path), folder=folder)

    def image(self, path: Path, *, key: str, step: int) -> None:
        """Log a picture of something that changes from step to step."""
        self._append(event="image", path=self._relative(path), key=self.prefix + key, step=step)

    def parts(self, spent: dict[str, Spent]) -> None:
        """Log what the parts of the work have taken."""
        self._append(event="parts", values={name: asdict(of) for name, of in spent.items()})

    def finish(
        self, *, status: str, seconds: float, peak_mib: float, message: str = "", **more: float
    ) -> None:
        """Log the end; `more` are `own` and `workers` of `Spent`."""
        fields = {"status": status, "seconds": seconds, "peak_mib": peak_mib, "message": message}
        fields |= more
        if status != "finished" or not self._begun.idle:
            self._append(event="finish", **fields)

    def _relative(self, path: Path) -> str:
        return path.resolve().relative_to(self.run.root.resolve()).as_posix()

    def _line(self, **fields) -> str:
        return json.dumps({"time": time.time(), "stage": self.stage, **fields}) + "\n"

    def _append(self, **fields) -> None:
        self.run.events.parent.mkdir(parents=True, exist_ok=True)
        lines = self._begun.held_start + self._line(**fields)
        self._begun.held_start = ""
        with self.run.events.open("a+b") as stream:
            if stream.tell() and not _ends_with_newline(stream):
                lines = "\n" + lines
            stream.write(lines.encode())


def _ends_with_newline(stream: BinaryIO) -> bool:
    stream.seek(-1, os.SEEK_END)
    return stream.read(1) == b"\n"


def read_events(path: Path) -> list[dict]:
    """All whole events of a log; a line that a crash, a full disk or damage spoilt is left out."""
    if not path.is_file():
        return []
    text = path.read_text(encoding="utf-8", errors="replace")
    whole = text[: text.rfind("\n") + 1]
    events = []
    for line in whole.splitlines():
        with contextlib.suppress(ValueError):
            event = json.loads(line)
            if isinstance(event, dict) and {"time", "stage", "event"} <= event.keys():
                events.append(event)
    return events


def last_finished(run: RunFolder) -> dict[str, dict]:
    """By stage the `finish` of the last work that was done, with the fields of its start."""
    return finished_work(read_events(run.events))


def finished_work(events: Iterable[dict]) -> dict[str, dict]:
    """The same from events that are read already."""
    started: dict[str, dict] = {}
    finished = {}
    for event in events:
        if event["event"] == "start":
            started[event["stage"]] = event
        elif event["event"] == "finish" and event["status"] == "finished":
            finished[event["stage"]] = started.get(event["stage"], {}) | event
    return finished
