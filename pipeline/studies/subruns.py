"""Runs of a study: run folders below that of the study, made by the ordinary stages."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Protocol

from pipeline.model.configure import configure
from pipeline.run.errors import UserError, ended_by_errors
from pipeline.run.events import last_finished
from pipeline.run.layout import RunFolder
from pipeline.run.settings import recall
from pipeline.run.signals import end_with, handled_by
from pipeline.run.stage import run_missing
from pipeline.run.words import duration


class RunStages(Protocol):
    """Brings a run folder up to a stage, as `run_stages` does."""

    def __call__(
        self, run: RunFolder, study: RunFolder, changed: Mapping[str, str], *, upto: str
    ) -> None: ...


def run_stages(run: RunFolder, study: RunFolder, changed: Mapping[str, str], *, upto: str) -> None:
    """Do what is missing of the stages of a part of a study.

    What is done stays, so a study that was interrupted goes on where it was.

    Args:
        run: the run folder of the part.
        study: that of the study, whose CONFIG and SET the part has.
        changed: settings in which the part differs, by name, as in SET.

    Raises:
        UserError: a stage failed; it has said why.
    """
    given = recall(study)
    for sentence in configure(run, config=given.config, overrides={**given.overrides, **changed}):
        print(sentence, flush=True)
    status = in_own_process(run_missing, upto, run.root)
    if status:
        raise UserError(
            f"{run.root} ended with status {status} before {upto} was done; the reason stands "
            "above. The same command goes on from there."
        )


def announced(
    parts: Mapping[str, RunFolder], *, upto: str, afterwards: float = 0.0
) -> Iterator[RunFolder]:
    """The parts of a study, each with a line that says how long all that are left may take.

    A part takes as long as others have taken, in this attempt or an earlier one.

    Args:
        parts: by name, in order.
        upto: the stage that ends a part.
        afterwards: what follows the last one, as a share of the time of a part.
    """
    for number, (name, part) in enumerate(parts.items(), start=1):
        logs = [last_finished(run) for run in parts.values()]
        took = [sum(stage["seconds"] for stage in log.values()) for log in logs if upto in log]
        coming = sum(upto not in log for log in logs[number - 1 :])
        left = "how long all take is said after the first"
        if took:
            left = f"{duration((coming + afterwards) * sum(took) / len(took))} left"
        print(f"--- {name}: part {number} of {len(parts)}, {left}", flush=True)
        yield part


def in_own_process(function: Callable, *arguments) -> int:
    """Call a function of a module in a fresh process; returns its exit status.

    A training needs a process of its own: TensorFlow gives memory, of a GPU above all, back only
    when its process ends; the switch for the same bits every time cannot be turned off again; and
    the memory that a stage reports is the most that its process ever had.

    Raises:
        SystemExit: this process was told to end, with 128 + the number of the signal; the other
            one has ended before.
    """
    process = multiprocessing.get_context("spawn").Process(
        target=_with_sentence, args=(os.getpid(), function, *arguments)
    )
    with _signals_go_to(process) as received:
        process.start()
        if received:  # while there was no process to tell
            process.terminate()
        process.join()
    if received:
        raise SystemExit(128 + received[0])
    status = process.exitcode or 0
    return 128 - status if status < 0 else status  # killed by a signal: as a shell counts it


def _with_sentence(parent: int, function: Callable, *arguments) -> None:
    end_with(parent, signal.SIGTERM)  # which a training bears with a checkpoint
    with ended_by_errors(Path.cwd()):
        function(*arguments)


@contextmanager
def _signals_go_to(process: BaseProcess) -> Iterator[list[int]]:
    """Let the other process end by itself, with its checkpoint; yields the signals that came."""
    received: list[int] = []

    def pass_on(number: int, _frame) -> None:
        received.append(number)
        # Ctrl-C reaches both from the terminal.
        if number != signal.SIGINT and process.pid and process.is_alive():
            os.kill(process.pid, number)

    with handled_by(pass_on):
        yield received
