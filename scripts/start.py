"""Where every script starts: the project on the path, quiet libraries, one kind of command line."""

# ruff: noqa: E402 - what has to be done before the imports is
import os
import signal
import sys


def _end_at_once(number: int, _frame: object) -> None:
    try:
        os.write(2, f"ended by {signal.Signals(number).name}\n".encode())
    finally:  # a terminal that has hung up takes no line
        os._exit(128 + number)


# Before the imports, which take seconds: nothing has begun. So it is after the command, too.
for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    if signal.getsignal(each) is not signal.SIG_IGN:
        signal.signal(each, _end_at_once)

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

# Before the libraries are imported: no calls home, no start-up chatter.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from pipeline.run.errors import ended_by_errors
from pipeline.run.signals import ended_by_signals

Run = Annotated[Path, typer.Option("--run", help="the run folder")]


def command_line(*commands: Callable[..., int | None]) -> None:
    """Parse what the functions take, call the one that is asked for, end with its status.

    A function's parameters are its options, its docstring the help. Several functions are commands
    by their name. What a user can mend ends with its sentence and status 2.
    """
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    for command in commands:
        app.command(command.__name__.replace("_", "-"))(_ending(command))
    app()


def _ending(command: Callable[..., int | None]) -> Callable[..., None]:
    @functools.wraps(command)
    def ending(*args, **options) -> None:
        with ended_by_errors(Path.cwd()), ended_by_signals(command.__name__.replace("_", "-")):
            status = command(*args, **options)
        raise typer.Exit(status or 0)

    return ending
