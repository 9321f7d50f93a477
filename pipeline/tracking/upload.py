"""Brings the events of a run folder into MLflow: one parent run, one child per stage.

What was sent is remembered in RUN/tracking.json after each step, so a call brings only what is
new, an outage midway is gone on from, a stage that is killed and started again goes on in its
child, and nothing is sent twice.
"""

import fcntl
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import partial
from pathlib import Path

from mlflow.entities import Metric, Param
from mlflow.tracking import MlflowClient

from pipeline.figures.registry import Place, ranking_metrics
from pipeline.run.atomic import json_text, read_json, write_text
from pipeline.run.events import read_events
from pipeline.run.layout import RunFolder
from pipeline.tracking.client import EXPERIMENT, artifact_root, tracking_uri
from pipeline.tracking.pyfunc import log_patch_model

# Limits of one MLflow batch request.
METRICS_PER_BATCH = 1000
PARAM_LENGTH = 500

Step = Callable[[], None]


@dataclass
class State:
    """What MLflow already has of a run folder.

    Attributes:
        key: with it a run of MLflow is found again whose making was never answered.
        children: the MLflow run of each stage.
        finished: stages whose child is ended; the next start makes another.
        events: so many, the first ones, are done with all that follows from them.
        steps: so many steps of the next event are done.
    """

    uri: str
    parent: str = ""
    children: dict[str, str] = field(default_factory=dict)
    finished: list[str] = field(default_factory=list)
    events: int = 0
    steps: int = 0
    key: str = field(default_factory=lambda: uuid.uuid4().hex)


def upload(run: RunFolder, *, client: MlflowClient | None = None) -> int:
    """Bring all new events into MLflow; return how many there were.

    Those of a study's parts go with those of the run, which they find as their parent.

    Args:
        client: of the tracking store, instead of one that is made for it.

    Raises:
        mlflow.exceptions.MlflowException: the tracking store does not answer.
    """
    return sum(_upload_one(each, client) for each in (run, *run.parts))


def _upload_one(run: RunFolder, client: MlflowClient | None) -> int:
    with (run.root / "tracking.lock").open("a") as lock:
        # The follower of a training and the call after it may meet here.
        fcntl.flock(lock, fcntl.LOCK_EX)
        state = _load_state(run)
        events = read_events(run.events)
        new = len(events) - state.events
        if new:
            _Uploader(run, state, client or MlflowClient(state.uri)).bring(events)
        return new


def _load_state(run: RunFolder) -> State:
    uri = tracking_uri()
    if run.tracking_state.is_file():
        kept = read_json(run.tracking_state) or {}
        # Another tracking server has seen nothing of this run yet.
        if kept["uri"] == uri:
            return State(**{f.name: kept[f.name] for f in fields(State) if f.name in kept})
    return State(uri=uri)


class _Uploader:
    def __init__(self, run: RunFolder, state: State, client: MlflowClient):
        self._run = run
        self._state = state
        self._client = client
        self._save()
        if not state.parent:
            state.parent = self._new_run(run.root.resolve().name, parent=self._study(), index=-1)
            self._save()

    def _study(self) -> str:
        """The MLflow run of the study that this run is a part of, if it is there."""
        study = self._run.study
        if study is None or not study.tracking_state.is_file():
            return ""
        return _load_state(study).parent

    def bring(self, events: Sequence[dict]) -> None:
        """Send all events that are not done yet, and remember each step."""
        todo = self._todo(events)
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

    def _todo(self, events: Sequence[dict]) -> list[tuple[int, dict]]:
        """The events to send, each with its place in the log, the last one first.

        Of a file that several events name while a stage runs, the last content is sent once.
        """
        todo: list[tuple[int, dict]] = []
        later: set[tuple[str, str]] = set()
        for index in reversed(range(self._state.events, len(events))):
            event = events[index]
            if event["event"] == "artifact":
                if (event["stage"], event["path"]) in later:
                    continue
                later.add((event["stage"], event["path"]))
            elif event["event"] != "metrics":
                later.clear()
            todo.append((index, event))
        return todo

    def _save(self) -> None:
        write_text(self._run.tracking_state, json_text(asdict(self._state)))

    def _send_file(self, run_id: str, path: Path, folder: str = "") -> None:
        if path.is_file():
            self._client.log_artifact(run_id, str(path), folder or None)

    def _start(self, index: int, event: dict) -> None:
        """Open the child of the stage; may be done again from its beginning."""
        stage, state = event["stage"], self._state
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
            client.set_terminated(run_id, "FAILED")

        def send_model() -> None:
            if event["stage"] == "train" and run.model.is_dir():
                log_patch_model(run.model, run_id=run_id, uri=self._state.uri)

        def send_figures() -> None:
            if catalog := read_json(run.catalog):
                client.set_tag(parent, "data_fingerprint", catalog["fingerprint"])
            figures = read_json(run.metrics) or {}
            known = {m.name: figures.get(m.name) for m in ranking_metrics(within=Place.SUMMARY)}
            values = {name: f["value"] for name, f in known.items() if f and f["value"] is not None}
            if values:
                client.log_batch(parent, _metrics(values, event))

        def end() -> None:
            for ended in (run_id, parent):
                client.set_terminated(ended, "FINISHED")
            self._state.finished.append(event["stage"])

        if event["status"] != "finished":
            return [send_cost, fail]
        shown = (run.report, run.regions, run.metrics)
        files = [partial(self._send_file, parent, path) for path in shown]
        return [send_cost, send_model, *files, send_figures, end]

    def _child(self, event: dict) -> str:
        return self._state.children[event["stage"]]

    def _new_run(self, name: str, *, parent: str, index: int) -> str:
        """Make a run of MLflow for the event of that index, unless it was made and not answered."""
        found = self._client.get_experiment_by_name(EXPERIMENT)
        experiment = (
            found.experiment_id
            if found
            else self._client.create_experiment(EXPERIMENT, artifact_location=artifact_root())
        )
        key = f"{self._state.key}-{index}"
        made = self._client.search_runs([experiment], f"tags.upload_key = '{key}'")
        if made:
            return made[0].info.run_id
        tags = {"mlflow.parentRunId": parent} if parent else {"run_folder": str(self._run.root)}
        tags["upload_key"] = key
        return self._client.create_run(experiment, run_name=name, tags=tags).info.run_id


def _metrics(values: dict[str, float], event: dict, *, step: int = 0) -> list[Metric]:
    time_ms = int(event["time"] * 1000)
    return [Metric(name, value, time_ms, step) for name, value in values.items()]


def _goes_with(event: dict, following: dict, size: int) -> bool:
    """Whether the metrics of the following event fit into the same request."""
    alike = all(event[key] == following[key] for key in ("event", "stage"))
    return alike and size + len(following["values"]) <= METRICS_PER_BATCH


def follow(run: RunFolder, *, process: int, seconds: float, wait) -> None:
    """Upload every `seconds` until the process is gone; `wait(seconds)` sleeps."""
    since, begun = 0.0, _begun(process)
    while begun and _begun(process) == begun:
        wait(1.0)
        since += 1.0
        if since >= seconds:
            upload(run)
            since = 0.0
    upload(run)


def _begun(process: int) -> str:
    """When a process began; "" where there is none, or one that ended and nobody asked after.

    In a container nobody may ever ask, and a number of a process comes again.
    """
    try:
        text = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = text.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]
