"""MLflow that is down, slow, broken or begun by many at once: no stage fails, no metric is lost."""

import os
import shutil
import socket
import sqlite3
from functools import partial
from pathlib import Path

from pipeline.run.events import EventLog
from pipeline.run.layout import RunFolder
from pipeline.run.lock import locked
from pipeline.tracking.client import DATABASE
from pipeline.tracking.outage import attempted
from tests.fault_injection.child import in_child
from tests.fault_injection.fault import Place, expect, fault
from tests.fault_injection.memory_store import Outage, Store
from tests.fault_injection.small_set import RUN

FIRST_STARTS = 8


def _log(run: RunFolder, *, finished: bool = True) -> None:
    """The events of a training."""
    log = EventLog(run, "train")
    log.start(settings={"train": {"epochs": 3}}, commit="abc", dirty=False)
    for step in range(5):
        log.metrics({"train/loss": 1.0 / (step + 1), "val/auc": 0.5}, step=step)
    table = run.root / "table.csv"
    table.write_text("a\n1\n", encoding="utf-8")
    log.artifact(table)
    if finished:
        log.finish(status="finished", seconds=1.0, peak_mib=1.0)


def _track(run: RunFolder, **environment: str) -> None:
    """As scripts/track.py does: says what helps, and fails nothing."""
    os.environ.update(environment)
    from pipeline.tracking.upload import upload

    if why := attempted(partial(upload, run), run.root):
        print(f"track: {why}")


def _content(run: RunFolder, stores: list[tuple[int, bool]]) -> dict:
    """What a store has after outages at these calls, before or after their effect, and an end."""
    from pipeline.tracking.upload import upload

    store = Store()
    RUN.tracking_state.unlink(missing_ok=True)
    for store.fails_at, store.unanswered in stores:
        store.calls = 0
        try:
            upload(run, client=store)
        except Outage:
            continue
    store.fails_at = -1
    upload(run, client=store)
    expect(upload(run, client=store) == 0, "something is sent twice")
    return store.content()


@fault("MLflow down at the start, in the middle and at the end")
def _down(place: Place) -> str:
    _log(RUN)
    whole, calls = _content(RUN, []), 40
    for call in range(calls):
        for unanswered in (False, True):
            found = _content(RUN, [(call, unanswered), (2, unanswered)])
            expect(found == whole, f"down at call {call}: {found}, not {whole}")
    metrics = len(whole["metrics"])
    return f"{2 * calls} outages, before and after an effect: each of {metrics} metrics once"


@fault("MLflow's server slow, and not there")
def _slow(place: Place) -> str:
    _log(RUN)
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(64)  # takes connections and never answers
        there = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        limits = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "1", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
        slow = in_child(partial(_track, RUN, MLFLOW_TRACKING_URI=there, **limits))
    gone = in_child(partial(_track, RUN, MLFLOW_TRACKING_URI=there, **limits))
    for ended in (slow, gone):
        expect(ended.status == 0 and "Nothing is lost" in ended.text, ended.text[-600:])
    last = in_child(partial(_track, RUN))
    expect(last.status == 0 and "track:" not in last.text, last.text[-600:])
    expect(_in_database() == 11, f"{_in_database()} of 11 metrics arrived")
    return f"given up after {slow.seconds:.0f} s with a sentence; afterwards each metric once"


def _in_database() -> int:
    """Metrics of the training, without its cost."""
    database = sqlite3.connect(DATABASE)
    try:
        names = "('train/loss', 'val/auc', 'stage_seconds')"
        return database.execute(f"SELECT count(*) FROM metrics WHERE key IN {names}").fetchone()[0]
    finally:
        database.close()


@fault("a run that was killed, in MLflow")
def _killed(place: Place) -> str:
    from pipeline.tracking.upload import upload

    store = Store()
    _log(RUN, finished=False)
    with locked(RUN):  # as while it runs
        upload(RUN, client=store)
    expect("RUNNING" in _statuses(store), f"{store.content()['runs']}")
    upload(RUN, client=store)
    expect(_statuses(store) == {"KILLED"}, f"{store.content()['runs']}")
    _log(RUN)
    upload(RUN, client=store)
    left = _statuses(store)
    expect("FINISHED" in left and "RUNNING" not in left, f"{store.content()['runs']}")
    return "marked as killed, and finished by the next start; none is left running"


def _statuses(store: Store) -> set[str]:
    return {status for _, status in store.content()["runs"]}


@fault("eight first starts on one sqlite file; a broken one")
def _first_starts(place: Place) -> str:
    runs = [RunFolder(Path(f"runs/first-{number}")) for number in range(FIRST_STARTS)]
    children = []
    for run in runs:
        _log(run)
        child = os.fork()
        if child == 0:
            status = 1
            try:
                from pipeline.tracking.upload import upload

                upload(run)
                status = 0
            finally:
                os._exit(status)
        children.append(child)
    ends = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    expect(ends == [0] * FIRST_STARTS, f"ended with {ends}")
    expect(_in_database() == 11 * FIRST_STARTS, f"{_in_database()} metrics")
    # The data base is lost, then no data base: all of a run is sent again.
    for content in (None, b"", b"no data base " * 99):
        EventLog(runs[0], "train").metrics({"late": 1.0})
        shutil.rmtree(DATABASE.parent)
        if content is not None:
            DATABASE.parent.mkdir(parents=True)
            DATABASE.write_bytes(content)
        ended = in_child(partial(_track, runs[0]))
        expect(ended.status == 0 and "takes the results" not in ended.text, ended.text[-600:])
        expect(_in_database() == 11, f"{_in_database()} of 11 metrics are there again")
    return f"{FIRST_STARTS} of {FIRST_STARTS} arrive whole; a lost or broken one is begun anew"
