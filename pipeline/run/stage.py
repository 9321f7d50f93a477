"""What every stage does around its work: lock, event log, memory, clear errors."""

import contextlib
import resource
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.config import Settings
from pipeline.run.code import code_state
from pipeline.run.errors import UserError, sentence_of
from pipeline.run.events import EventLog
from pipeline.run.graph import GRAPH, STAGE_SECTIONS, Node, is_done, needed_for
from pipeline.run.layout import RunFolder
from pipeline.run.lock import locked
from pipeline.run.manifest import changed_since, write_manifest
from pipeline.run.settings import load_settings


@dataclass(frozen=True)
class Stage:
    """What a stage gets: its run folder, all settings, its event log."""

    run: RunFolder
    settings: Settings
    events: EventLog


@contextlib.contextmanager
def open_stage(name: str, run_root: Path) -> Iterator[Stage]:
    """Lock the run folder, log start and finish; exit with a sentence on what a user can mend.

    Raises:
        SystemExit: status 2, after the message of a UserError, or of a disk that takes nothing,
            went to standard error; 130 or 143 after a signal.
    """
    run = RunFolder(run_root)
    started = time.monotonic()
    try:
        with ended_by_signals(name), locked(run):
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
    except Exception as wrong:  # every library has errors of its own for a full disk
        text = sentence_of(wrong, run.root)
        if text is None:
            raise
        print(f"{name}: {text}", file=sys.stderr)
        raise SystemExit(2) from wrong


@contextlib.contextmanager
def ended_by_signals(name: str) -> Iterator[None]:
    """End with 128 + its number on the first SIGINT or SIGTERM, with a line; pass over others.

    What goes on while the stage ends, such as stopping its workers, is not interrupted again.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # signals reach the main thread only
        return

    def end(number: int, _frame: object) -> None:
        for each in before:
            signal.signal(each, signal.SIG_IGN)
        print(
            f"{name}: ended by {signal.Signals(number).name}. The same command goes on with what "
            "is done.",
            file=sys.stderr,
            flush=True,
        )
        raise SystemExit(128 + number)

    before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    for each in before:
        signal.signal(each, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run_stage(name: str, run_root: Path) -> None:
    """Do the work of a stage of the graph and print its summary line.

    Raises:
        SystemExit: as `open_stage`.
    """
    node = GRAPH[name]
    with open_stage(name, run_root) as stage:
        run = stage.run
        _check_inputs(node, run)
        if not node.always or changed_since(node, run):
            # What it leaves is not known until it has ended.
            run.manifest(name).unlink(missing_ok=True)
            if node.always:  # it would not look into the files that it finds there
                node.target(run).unlink(missing_ok=True)
        line = node.work(stage)
        if not run.manifest(name).is_file() or _is_newer(node.target(run), run.manifest(name)):
            write_manifest(node, run)
        print(f"{name}: {line}", flush=True)


def _is_newer(path: Path, than: Path) -> bool:
    return path.stat().st_mtime_ns > than.stat().st_mtime_ns


def _check_inputs(node: Node, run: RunFolder) -> None:
    borrows = run.borrowed_model.is_file()  # whose weights have a checksum of their own
    for before in (GRAPH[name] for name in node.after if not (borrows and name == "train")):
        if path := changed_since(before, run):
            raise UserError(
                f"{path} is not as make {before.name} left it: it was changed, cut off or damaged. "
                f"make {before.name} FORCE=1 makes it anew."
            )


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
