"""Brings what is new in a run folder into MLflow; imports it only where something is.

What was sent is remembered in RUN/tracking.json, so an outage midway is gone on from. To send the
same twice changes nothing: runs of MLflow are found again by a key, and it knows equal metrics.
"""

import fcntl
from typing import TYPE_CHECKING

from pipeline.run.errors import UserError
from pipeline.run.events import read_events
from pipeline.run.layout import RunFolder
from pipeline.run.lock import in_use
from pipeline.tracking.attempts import read_attempts
from pipeline.tracking.sent import read_sent

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient


def upload(run: RunFolder, *, client: "MlflowClient | None" = None) -> int:
    """Bring all new events into MLflow; return how many there were.

    Those of a study's parts go with those of the run, which they find as their parent.

    Args:
        client: of the tracking store, instead of one that is made for it.

    Raises:
        UserError: the experiment was deleted, or the run folder is not there.
        mlflow.exceptions.MlflowException: the tracking store does not answer.
        OSError: a file cannot be read or written.
    """
    if not run.root.is_dir():
        raise UserError(f"There is no run folder {run.root}. Name one: make track RUN=runs/...")
    return sum(_upload_one(each, client) for each in (run, *run.parts))


def may_come_twice(run: RunFolder) -> bool:
    """Whether a slow server may still make something of this run a second time."""
    every = (run, *run.parts) if run.root.is_dir() else ()
    return any(read_sent(each, read_events(each.events)).still_asked() for each in every)


def _upload_one(run: RunFolder, client: "MlflowClient | None") -> int:
    with (run.root / "tracking.lock").open("a") as lock:
        # The follower of a stage and the call after it may meet here.
        fcntl.flock(lock, fcntl.LOCK_EX)
        events = read_events(run.events)
        sent, attempts = read_sent(run, events), read_attempts(events)
        new = len(events) - sent.count
        used = any(each.ended is None for each in attempts) and in_use(run)
        # Where an attempt ends in MLflow otherwise, its process died, or a store did.
        known = [each for each in attempts if each.name in sent.runs]
        if new or sent.asked or any(sent.ends.get(e.name) != e.state(in_use=used) for e in known):
            from pipeline.tracking.sender import Sender, open_client

            sender = Sender(run, sent, client or open_client(), attempts)
            sender.send(len(events), in_use=used)
        return new
