"""Brings the events of a run folder into MLflow: one parent run, one child per stage.

What was sent is remembered in RUN/tracking.json after each step, so a call brings only what is
new, an outage midway is gone on from, a stage that is killed and started again goes on in its
child, and nothing is sent twice. Where that file is lost or damaged, the runs are found again by
their key. What was deleted in MLflow is begun anew.
"""

import fcntl
import hashlib
import os
import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

from mlflow.entities import Experiment, LifecycleStage, Metric, Param
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode
from mlflow.tracking import MlflowClient
from pydantic import TypeAdapter, ValidationError

from pipeline.figures.registry import Place, ranking_metrics
from pipeline.run.atomic import json_text, read_json, write_json
from pipeline.run.errors import UserError
from pipeline.run.events import read_events
from pipeline.run.layout import RunFolder
from pipeline.tracking.client import (
    artifact_root,
    experiment_name,
    make_places_relative,
    same_store,
    store_name,
    tracking_uri,
)
from pipeline.tracking.database import prepare_database
from pipeline.tracking.pyfunc import log_patch_model

# Limits of one MLflow batch request.
METRICS_PER_BATCH = 1000
PARAM_LENGTH = 500
_REFUSED = re.compile(r"[^/\w.\- :]")  # in the name of a metric

Step = Callable[[], None]


@dataclass
class State:
    """What MLflow already has of a run folder.

    Attributes:
        key: with it a run of MLflow is found again whose making was never answered, and all of
            them where this state is lost.
        children: the MLflow run of each stage.
        finished: stages whose child is ended; the next start makes another.
        events: so many, the first ones, are done with all that follows from them.
        steps: so many steps of the next event are done.
        again: a stage whose child was deleted; of the events before `again_until` only its are
            sent, once more.
        folder: the run folder, from the project's; a copy of it is another run.
    """

    uri: str
    key: str
    parent: str = ""
    children: dict[str, str] = field(default_factory=dict)
    finished: list[str] = field(default_factory=list)
    events: int = 0
    steps: int = 0
    again: str = ""
    again_until: int = 0
    folder: str = ""


def upload(run: RunFolder, *, client: MlflowClient | None = None, ended: bool = False) -> int:
    """Bring all new events into MLflow; return how many there were.

    Those of a study's parts go with those of the run, which they find as their parent.

    Args:
        client: of the tracking store, instead of one that is made for it.
        ended: no stage is running any more; one that has not said so was killed.

    Raises:
        UserError: the experiment was deleted, or the run folder is not there.
        mlflow.exceptions.MlflowException: the tracking store does not answer.
        OSError: a file cannot be read or written.
    """
    if not run.root.is_dir():
        raise UserError(f"There is no run folder {run.root}. Name one: make track RUN=runs/...")
    return sum(_upload_one(each, client, ended) for each in (run, *run.parts))


def _upload_one(run: RunFolder, client: MlflowClient | None, ended: bool) -> int:
    with (run.root / "tracking.lock").open("a") as lock:
        # The follower of a training and the call after it may meet here.
        fcntl.flock(lock, fcntl.LOCK_EX)
        events = read_events(run.events)
        state = _load_state(run, events)
        new = len(events) - state.events
        if new or (ended and _unfinished(events)):
            uploader = _Uploader(run, state, client or _open_client(), events)
            uploader.bring()
            if ended:
                uploader.mark_killed()
        return new


def _open_client() -> MlflowClient:
    prepare_database()
    client = MlflowClient(tracking_uri())
    make_places_relative()
    return client


def _load_state(run: RunFolder, events: Sequence[dict]) -> State:
    """What is kept of the uploads; what is lost or damaged is sent again, into the same runs."""
    store = store_name()
    first = json_text(events[0]) if events else ""
    folder = os.path.relpath(run.root)
    new = State(uri=store, key=_key(first), folder=folder)
    try:
        kept = read_json(run.tracking_state) or {}
        state = TypeAdapter(State).validate_python(asdict(new) | kept)
    except (ValueError, TypeError, ValidationError):
        return new
    if state.folder != folder and _has_key(RunFolder(Path(state.folder)), state.key):
        return State(uri=store, key=_key(first + folder), folder=folder)
    state.folder = folder
    # Another tracking server has seen nothing of this run yet.
    if not same_store(state.uri, store):
        return State(uri=store, key=state.key, folder=folder)
    state.uri = store
    if state.events > len(events):  # a log from a backup
        state.events, state.steps = len(events), 0
    return state


def _key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _has_key(run: RunFolder, key: str) -> bool:
    """Whether the uploads of a run folder have that key."""
    try:
        return run.tracking_state.is_file() and read_json(run.tracking_state)["key"] == key
    except (ValueError, TypeError, KeyError):
        return False


class _Uploader:
    def __init__(self, run: RunFolder, state: State, client: MlflowClient, events: Sequence[dict]):
        self._run = run
        self._state = state
        self._client = client
        self._events = events
        self._experiment = self._find_experiment().experiment_id
        self._forget_deleted()
        self._save()
        if not self._state.parent:
            self._state.parent = self._new_parent()
            self._save()

    def _find_experiment(self) -> Experiment:
        name = experiment_name()
        found = self._client.get_experiment_by_name(name)
        if found is None:
            try:
                self._client.create_experiment(name, artifact_location=artifact_root())
            except MlflowException:  # another run's first upload may have made it this moment
                if self._client.get_experiment_by_name(name) is None:
                    raise
            make_places_relative()
            return self._client.get_experiment_by_name(name)
        if found.lifecycle_stage == LifecycleStage.DELETED:
            run, uri = shlex.quote(str(self._run.root)), shlex.quote(tracking_uri())
            raise UserError(
                f"The experiment {name} was deleted in MLflow ({self._state.uri}). Take it back: "
                f"MLFLOW_TRACKING_URI={uri} .venv/bin/mlflow experiments restore "
                f"--experiment-id {found.experiment_id}; or give a new one a name: "
                f"MLFLOW_EXPERIMENT_NAME=another. Then: make track RUN={run}"
            )
        return found

    def _forget_deleted(self) -> None:
        """Take out of the state the runs that are no longer in MLflow."""
        state = self._state
        for stage in [s for s, run_id in state.children.items() if self._is_gone(run_id)]:
            del state.children[stage]
            self._send_again(stage)
        if not state.parent or not self._is_gone(state.parent):
            return
        if not state.children:  # all was deleted, or the store is another one at the same place
            self._state = State(uri=state.uri, key=state.key, folder=state.folder)
            return
        state.parent = self._new_parent()
        for run_id in state.children.values():
            self._client.set_tag(run_id, "mlflow.parentRunId", state.parent)

    def _send_again(self, stage: str) -> None:
        """Send the events of a stage that goes on once more, for its child is gone."""
        state, begin = self._state, None
        for index, event in enumerate(self._events[: state.events]):
            if event["stage"] == stage and event["event"] == "start":
                begin = index if begin is None else begin
            elif event["stage"] == stage and event.get("status") == "finished":
                begin = None
        after = (e["event"] for e in self._events[state.events :] if e["stage"] == stage)
        if begin is not None and next(after, "start") != "start":
            state.again, state.again_until = stage, max(state.events, state.again_until)
            state.events, state.steps = begin, 0

    def _is_gone(self, run_id: str) -> bool:
        try:
            return self._client.get_run(run_id).info.lifecycle_stage == LifecycleStage.DELETED
        except MlflowException as error:
            if error.error_code == ErrorCode.Name(RESOURCE_DOES_NOT_EXIST):
                return True
            raise

    def _study(self) -> str:
        """The MLflow run of the study that this run is a part of, if it is there."""
        study = self._run.study
        if study is None or not study.tracking_state.is_file():
            return ""
        return _load_state(study, read_events(study.events)).parent

    def bring(self) -> None:
        """Send all events that are not done yet, and remember each step."""
        todo = self._todo(self._events)
        while todo:
            index, event = todo.pop()
            steps: list[Step]
            if event["event"] == "metrics":
                metrics = _metrics(event["values"], event, step=event["step"])
                while todo and _goes_with(event, todo[-1][1], len(metrics)):
                    index, event = todo.pop()
                    metrics += _metrics(event["values"], event, step=event["step"])
                steps = [partial(self._client.log_batch, self._child(event), metrics)]
            elif event["event"] == "artifact":
                path = self._run.root / event["path"]
                steps = [partial(self._send_file, self._child(event), path, event["folder"])]
            elif event["event"] == "start":
                steps = [partial(self._start, index, event)]
            else:
                steps = self._finish(event)
            for number in range(self._state.steps, len(steps)):
                steps[number]()
                self._state.steps = number + 1
                if self._state.steps == len(steps):
                    self._state.events, self._state.steps = index + 1, 0
                self._save()

    def mark_killed(self) -> None:
        """Mark the stages that have not said how they ended, and the whole run with them."""
        killed = _unfinished(self._events) & set(self._state.children)
        for stage in killed:
            self._client.set_terminated(self._state.children[stage], "KILLED")
        if killed:
            self._client.set_terminated(self._state.parent, "KILLED")

    def _todo(self, events: Sequence[dict]) -> list[tuple[int, dict]]:
        """The events to send, each with its place in the log, the last one first.

        Of a file that several events name while a stage runs, the last content is sent once.
        """
        todo: list[tuple[int, dict]] = []
        later: set[tuple[str, str]] = set()
        for index in reversed(range(self._state.events, len(events))):
            event = events[index]
            if index < self._state.again_until and event["stage"] != self._state.again:
                continue
            if event["event"] == "artifact":
                if (event["stage"], event["path"]) in later:
                    continue
                later.add((event["stage"], event["path"]))
            elif event["event"] != "metrics":
                later.clear()
            todo.append((index, event))
        return todo

    def _save(self) -> None:
        write_json(self._run.tracking_state, asdict(self._state))

    def _send_file(self, run_id: str, path: Path, folder: str = "") -> None:
        if path.is_file():
            self._client.log_artifact(run_id, str(path), folder or None)

    def _start(self, index: int, event: dict) -> None:
        """Open the child of the stage; may be done again from its beginning."""
        stage, state = event["stage"], self._state
        before = self._events[:index]
        unfinished = _unfinished(before)
        # Stages of a run follow each other, so what has not ended when another starts was killed.
        for killed in (unfinished - {stage}) & set(state.children):
            self._client.set_terminated(state.children[killed], "KILLED")
        if stage in state.children and not _goes_on(before, event):
            if stage in unfinished:
                self._client.set_terminated(state.children[stage], "KILLED")
            del state.children[stage]
        if stage not in state.children or stage in state.finished:
            state.children[stage] = self._new_run(stage, parent=state.parent, index=index)
            state.finished = [s for s in state.finished if s != stage]
        run_id = state.children[stage]
        for resumed in (run_id, state.parent):
            self._client.update_run(resumed, status="RUNNING")
        self._client.set_tag(run_id, "git_commit", event["commit"] or "unknown")
        self._client.set_tag(
            run_id, "git_dirty", str(event["dirty"]) if event["commit"] else "unknown"
        )
        self._forget_error(run_id)
        known = self._client.get_run(run_id).data.params
        params = [
            Param(f"{section}.{name}", str(value)[:PARAM_LENGTH])
            for section, values in event["settings"].items()
            for name, value in values.items()
            if f"{section}.{name}" not in known
        ]
        self._client.log_batch(run_id, params=params)

    def _finish(self, event: dict) -> list[Step]:
        """What ends a stage; what people look for first is shown on the parent."""
        run, client, run_id, parent = (
            self._run,
            self._client,
            self._child(event),
            self._state.parent,
        )
        cost = {"stage_seconds": event["seconds"], "peak_memory_mib": event["peak_mib"]}
        send_cost = partial(client.log_batch, run_id, _metrics(cost, event))

        def fail() -> None:
            client.set_tag(run_id, "error", event["message"][:PARAM_LENGTH])
            for ended in (run_id, parent):
                client.set_terminated(ended, "FAILED")

        def send_model() -> None:
            if event["stage"] == "train" and run.model.is_dir():
                log_patch_model(run.model, run_id=run_id, uri=tracking_uri())

        def send_figures() -> None:
            if catalog := read_json(run.catalog):
                client.set_tag(parent, "data_fingerprint", catalog["fingerprint"])
            figures = read_json(run.metrics) or {}
            known = {m.name: figures.get(m.name) for m in ranking_metrics(within=Place.SUMMARY)}
            values = {name: f["value"] for name, f in known.items() if f and f["value"] is not None}
            if values:
                client.log_batch(parent, _metrics(values, event))

        def end() -> None:
            self._forget_error(run_id)
            for ended in (run_id, parent):
                client.set_terminated(ended, "FINISHED")
            self._state.finished.append(event["stage"])

        if event["status"] != "finished":
            return [send_cost, fail]
        shown = (run.report, run.regions, run.metrics)
        files = [partial(self._send_file, parent, path) for path in shown]
        return [send_cost, send_model, *files, send_figures, end]

    def _forget_error(self, run_id: str) -> None:
        if "error" in self._client.get_run(run_id).data.tags:
            self._client.delete_tag(run_id, "error")

    def _child(self, event: dict) -> str:
        return self._state.children[event["stage"]]

    def _new_parent(self) -> str:
        return self._new_run(self._run.root.resolve().name, parent=self._study(), index=-1)

    def _new_run(self, name: str, *, parent: str, index: int) -> str:
        """Make a run of MLflow for the event of that index, unless it was made and not answered."""
        key = f"{self._state.key}-{index}"
        made = self._client.search_runs([self._experiment], f"tags.upload_key = '{key}'")
        if made:
            return made[0].info.run_id
        tags = {"mlflow.parentRunId": parent} if parent else {"run_folder": str(self._run.root)}
        tags["upload_key"] = key
        return self._client.create_run(self._experiment, run_name=name, tags=tags).info.run_id


def _unfinished(events: Sequence[dict]) -> set[str]:
    """The stages that have started and not ended."""
    unfinished = set()
    for event in events:
        if event["event"] == "start":
            unfinished.add(event["stage"])
        elif event["event"] == "finish":
            unfinished.discard(event["stage"])
    return unfinished


def _goes_on(before: Sequence[dict], start: dict) -> bool:
    """Whether a stage that has a child starts with the settings that it had there."""
    starts = [e for e in before if e["event"] == "start" and e["stage"] == start["stage"]]
    return not starts or starts[-1]["settings"] == start["settings"]


def _metrics(values: dict[str, float], event: dict, *, step: int = 0) -> list[Metric]:
    time_ms = int(event["time"] * 1000)
    # One name that MLflow refuses, such as "noise of 2%", would hold up all that follows it.
    return [Metric(_REFUSED.sub("_", n), value, time_ms, step) for n, value in values.items()]


def _goes_with(event: dict, following: dict, size: int) -> bool:
    """Whether the metrics of the following event fit into the same request."""
    alike = all(event[key] == following[key] for key in ("event", "stage"))
    return alike and size + len(following["values"]) <= METRICS_PER_BATCH
