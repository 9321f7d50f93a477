"""RUN/tracking.json: what MLflow already has of a run folder."""

import contextlib
import hashlib
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from pipeline.run.atomic import json_text, read_json, write_json
from pipeline.run.layout import RunFolder
from pipeline.tracking.attempts import Event
from pipeline.tracking.client import same_store, store_name

PATIENCE_SECONDS = 600.0  # in which a server may come to the end of a request


@dataclass
class Sent:
    """What MLflow already has of a run folder."""

    uri: str  # the tracking store, by `store_name`
    # with it the runs of MLflow are found again, whose making was never answered, and all of them
    # where this is lost
    key: str
    folder: str = ""  # the run folder, from the project's; a copy of it is another run
    count: int = 0  # so many events, the first ones, are there with all that follows from them
    # the run of MLflow of each attempt and of each configuration, by its name in the key
    runs: dict[str, str] = field(default_factory=dict)
    # status and time that the runs of MLflow have, by the same names
    ends: dict[str, str] = field(default_factory=dict)

    # when something was asked for that the server may make twice, by the same names: the client
    # repeats a request that gets no answer in time, and a slow server may still do the first one
    asked: dict[str, float] = field(default_factory=dict)

    def keep(self, run: RunFolder) -> None:
        """Write it."""
        write_json(run.tracking_state, asdict(self))

    @contextlib.contextmanager
    def asking(self, name: str, run: RunFolder) -> Iterator[None]:
        """Remember that something is asked for, also where this process dies meanwhile.

        What is answered in time is made once.
        """
        before = {name: self.asked[name]} if name in self.asked else {}
        self.asked[name], began = time.time(), time.monotonic()
        self.keep(run)
        yield
        if time.monotonic() - began < float(os.environ.get("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")):
            del self.asked[name]
            self.asked |= before

    def still_asked(self) -> dict[str, float]:
        """Those of `asked` that a server may still come to make."""
        now = time.time()
        return {name: at for name, at in self.asked.items() if 0 <= now - at < PATIENCE_SECONDS}


def read_sent(run: RunFolder, events: Sequence[Event]) -> Sent:
    """What is kept of the uploads; what is lost or damaged is sent again, into the same runs."""
    store = store_name()
    first = json_text(events[0]) if events else ""
    folder = os.path.relpath(run.root)
    new = Sent(store, _key(first), folder)
    try:
        kept = read_json(run.tracking_state) or {}
        sent = TypeAdapter(Sent).validate_python(asdict(new) | kept)
    except (ValueError, TypeError, ValidationError):
        return new
    if sent.folder != folder and _has_key(RunFolder(Path(sent.folder)), sent.key):
        return Sent(store, _key(first + folder), folder)
    sent.folder = folder
    # Another tracking server has seen nothing of this run yet.
    if not same_store(sent.uri, store):
        return Sent(store, sent.key, folder)
    sent.uri = store
    sent.count = min(sent.count, len(events))  # fewer in a log from a backup
    return sent


def _key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _has_key(run: RunFolder, key: str) -> bool:
    """Whether the uploads of a run folder have that key."""
    try:
        return run.tracking_state.is_file() and read_json(run.tracking_state)["key"] == key
    except (ValueError, TypeError, KeyError):
        return False
