"""Bring what the stages logged into MLflow.

Reads   RUN/events.jsonl and the files it names
Writes  the MLflow tracking store, RUN/tracking.json; while a stage runs, system metrics in its log
Run     every stage does it; make track RUN=... does it again after an outage
"""

import signal
import sys
import threading
import time
from functools import partial
from typing import Annotated

import typer

import start
from pipeline.run.layout import RunFolder
from pipeline.run.signals import leave_terminal
from pipeline.run.workers import is_helper


def track(
    run: start.Run,
    follow: Annotated[
        int | None, typer.Option(metavar="PID", help="go on until this process ends")
    ] = None,
    seconds: Annotated[float, typer.Option(help="time between two uploads")] = 20,
) -> None:
    """Bring what the stages logged into MLflow."""
    if is_helper():  # the chief of the training does it
        return
    # With the imports it takes a while, and what is waited for should be known.
    text = "track: sending the results to MLflow"
    waited_for = threading.Timer(4, print, [text], {"flush": True})
    waited_for.daemon = True
    if not follow:
        waited_for.start()
    from pipeline.tracking.client import quiet_environment
    from pipeline.tracking.follow import follow as go_on_until_gone
    from pipeline.tracking.outage import attempted
    from pipeline.tracking.upload import may_come_twice, upload

    quiet_environment()
    said = {""}

    def send(running: bool) -> None:
        if running:
            from pipeline.tracking.system_metrics import note_system_metrics

            note_system_metrics(RunFolder(run))
        upload(RunFolder(run))

    def bring(running: bool = False) -> bool:
        why = attempted(partial(send, running), run)
        if why not in said:
            print(f"track: {why}", file=sys.stderr, flush=True)
        said.add(why)
        more = may_come_twice(RunFolder(run))
        if more and not running:
            leave_terminal()  # what waits for the end of the command's output shall have it
        return more

    if follow:
        # Ctrl-C and a connection that drops are for the stage; this process ends when that has.
        signal.signal(signal.SIGHUP, lambda *_: leave_terminal())
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        go_on_until_gone(bring, process=follow, seconds=seconds, wait=time.sleep)
    else:
        bring()
    waited_for.cancel()


if __name__ == "__main__":
    start.command_line(track)
