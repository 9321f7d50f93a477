"""Bring what the stages logged into MLflow.

Reads   RUN/events.jsonl and the files it names
Writes  the MLflow tracking store, RUN/tracking.json
Run     every stage does it; make track RUN=... does it again after an outage
"""

import shlex
import signal
import sys
import time
from typing import Annotated

import typer

import start
from pipeline.run.layout import RunFolder
from pipeline.tracking.client import quiet_environment


def track(
    run: start.Run,
    follow: Annotated[
        int | None, typer.Option(metavar="PID", help="go on until this process ends")
    ] = None,
    seconds: Annotated[float, typer.Option(help="time between two uploads")] = 20,
) -> None:
    """Bring what the stages logged into MLflow."""
    quiet_environment()
    import requests
    from mlflow.exceptions import MlflowException

    from pipeline.tracking import upload

    folder = RunFolder(run)
    try:
        if follow:
            # Ctrl-C is for the training; this process ends when the training has.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            upload.follow(folder, process=follow, seconds=seconds, wait=time.sleep)
        else:
            upload.upload(folder)
    except (MlflowException, requests.RequestException) as error:
        first = str(error).splitlines()[0]
        print(
            f"track: MLflow does not take the results now ({first}). Nothing is lost: they are in "
            f"{run}; make track RUN={shlex.quote(str(run))} sends them later.",
            file=sys.stderr,
        )


if __name__ == "__main__":
    start.command_line(track)
