"""What every stage does around its work: lock, event log, memory, clear errors."""

import contextlib
import os
import resource
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pipeline.config import Settings
from pipeline.run.code import code_state
from pipeline.run.errors import UserError, ended_by_errors
from pipeline.run.events import EventLog
from pipeline.run.freshness import is_done, put_in_order
from pipeline.run.graph import (
    GRAPH,
    STAGE_SECTIONS,
    Node,
    first_step,
    is_last,
    needed_for,
    next_step,
)
from pipeline.run.layout import RunFolder
from pipeline.run.lock import locked
from pipeline.run.manifest import (
    begin_manifest,
    changed_inputs,
    changed_since,
    input_sums,
    write_manifest,
)
from pipeline.run.settings import load_settings, told
from pipeline.run.signals import ended_by_signals
from pipeline.run.spent import Spent


@dataclass(frozen=True)
class Stage:
    """What a stage gets: its run folder, all settings, its event log."""

    run: RunFolder
    settings: Settings
    events: EventLog
    # an attempt before has written the target, and did not come to its end
    target_is_new: bool = False


@contextlib.contextmanager
def open_stage(name: str, run_root: Path) -> Iterator[Stage]:
    """Lock the run folder, log start and finish; exit with a sentence on what a user can mend.

    Raises:
        SystemExit: status 2, after the message of a UserError, or of a disk that takes nothing,
            went to standard error; 128 + its number after a signal.
    """
    run = RunFolder(run_root)
    begun = Spent.so_far()
    with ended_by_errors(run.root, name=name), ended_by_signals(name), locked(run):
        stage = Stage(run, load_settings(run), EventLog(run, name))
        code = code_state()
        if code.complaint:
            print(f"{name}: {code.complaint}", file=sys.stderr)
        sections = told(stage.settings)
        shown = {s: sections[s] for s in STAGE_SECTIONS.get(name, sections)}
        stage.events.start(settings=shown, commit=code.commit, dirty=code.dirty)
        try:
            yield stage
        finally:
            error, spent = sys.exception(), Spent.so_far().since(begun)
            stage.events.finish(
                status="failed" if error else "finished",
                peak_mib=peak_memory_mib(),
                message=_message(error, stage.settings) if error else "",
                **asdict(spent),
            )


def _message(error: BaseException, settings: Settings) -> str:
    """What the event log says of an error: of a hospital's data no text, which may name them."""
    kind, is_number = type(error).__name__, isinstance(getattr(error, "code", None), int)
    hidden = settings.data.has_secrets and not is_number  # of a signal
    return f"{kind}: standard error says more" if hidden else f"{kind}: {error}"


def run_stage(name: str, run_root: Path) -> None:
    """Do the work of a stage of the graph and print its summary line.

    Raises:
        SystemExit: as `open_stage`.
    """
    node = GRAPH[name]
    with open_stage(name, run_root) as stage:
        if first := first_step(name):
            print(f"{name}: {first}", flush=True)
        _check_inputs(node, stage.run)
        print(f"{name}: {(_look if node.always else _redo)(node, stage)}", flush=True)
        if ends := _ends_with(node, stage.run):
            say_next(ends, stage.run)


def say_next(name: str, run: RunFolder) -> None:
    """Print what to do after a stage or a study."""
    print(f"next: {next_step(name, run)}", flush=True)


def _ends_with(node: Node, run: RunFolder) -> str:
    """The stage whose next step is to be said after this one; "" where more comes by itself.

    That is the last one of what Make was asked for. Where that is done already, nothing comes after
    ingest, which Make calls each time.
    """
    if (given := os.environ.get("MAMMO_GOALS")) is None:
        return node.name
    last = next((goal for goal in given.split() if is_last(goal, given.split(), run)), "")
    comes = last and node.always and not os.environ.get("FORCE")
    if comes and all(is_done(n, run) for n in needed_for(last, run) if not n.always):
        return last
    return last if last == node.name else ""


def _look(node: Node, stage: Stage) -> str:
    """The work of a stage that looks itself whether there is any."""
    run = stage.run
    if changed_since(node, run):  # it would not look into the files that it finds there
        node.target(run).unlink(missing_ok=True)
    line = node.work(stage)
    if not run.manifest(node.name).is_file() or changed_since(node, run):
        write_manifest(node, run)
        put_in_order(node, run)
    return line


def _redo(node: Node, stage: Stage) -> str:
    run = stage.run
    made_from = input_sums(node, run)
    target_is_new = begin_manifest(node, run)
    if not node.sections:  # Make is not told by settings of its own that it did not end
        node.target(run).unlink(missing_ok=True)
    line = node.work(replace(stage, target_is_new=target_is_new))
    if changed := changed_inputs(node, run):
        raise UserError(
            f"{changed[0]} changed while it was worked with. Give the same command again."
        )
    write_manifest(node, run, made_from)
    put_in_order(node, run)
    return line


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
