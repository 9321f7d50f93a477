"""What every stage does around its work: lock, event log, memory, clear errors."""

import contextlib
import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.config import Settings
from pipeline.run.code import code_state
from pipeline.run.errors import UserError
from pipeline.run.events import EventLog
from pipeline.run.graph import GRAPH, STAGE_SECTIONS, is_done, needed_for
from pipeline.run.layout import RunFolder
from pipeline.run.lock import locked
from pipeline.run.settings import load_settings


@dataclass(frozen=True)
class Stage:
    """What a stage gets: its run folder, all settings, its event log."""

    run: RunFolder
    settings: Settings
    events: EventLog


@contextlib.contextmanager
def open_stage(name: str, run_root: Path) -> Iterator[Stage]:
    """Lock the run folder, log start and finish; exit with a sentence on a UserError.

    Raises:
        SystemExit: status 2, after the message of a UserError went to standard error.
    """
    run = RunFolder(run_root)
    started = time.monotonic()
    try:
        with locked(run):
            stage = Stage(run, load_settings(run), EventLog(run, name))
            code = code_state()
            if code.complaint:
                print(f"{name}: {code.complaint}", file=sys.stderr)
            sections = stage.settings.model_dump(mode="json")
            shown = {s: sections[s] for s in STAGE_SECTIONS.get(name, sections)}
            stage.events.start(settings=shown, commit=code.commit, dirty=code.dirty)
            try:
                yield stage
            finally:
                error = sys.exception()
                stage.events.finish(
                    status="failed" if error else "finished",
                    seconds=time.monotonic() - started,
                    peak_mib=peak_memory_mib(),
                    message=f"{type(error).__name__}: {error}" if error else "",
                )
    except UserError as wrong:
        print(f"{name}: {wrong}", file=sys.stderr)
        raise SystemExit(2) from wrong


def run_stage(name: str, run_root: Path) -> None:
    """Do the work of a stage of the graph and print its summary line.

    Raises:
        SystemExit: as `open_stage`.
    """
    with open_stage(name, run_root) as stage:
        print(f"{name}: {GRAPH[name].work(stage)}", flush=True)


def run_missing(upto: str, run_root: Path) -> None:
    """Do what is not done yet of the stages up to one, in order, as Make would.

    Raises:
        SystemExit: as `open_stage`.
    """
    run = RunFolder(run_root)
    for node in needed_for(upto, run):
        if not is_done(node, run):
            run_stage(node.name, run_root)


def peak_memory_mib() -> float:
    """Largest resident memory of this process or of one of its finished children, in MiB."""
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(w).ru_maxrss for w in who) / 1024
