"""Brings the events of a run folder into MLflow: one parent run, one child per stage.

What was sent is remembered in RUN/tracking.json after each step, so a call brings only what is
new, an outage midway is gone on from, a stage that is killed and started again goes on in its
child, and nothing is sent twice.
"""

import fcntl
import json
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from mlflow.entities import Metric, Param
from mlflow.tracking import MlflowClient

from pipeline.figures.registry import Place, ranking_metrics
from pipeline.run.atomic import json_text, write_text
from pipeline.run.events import read_events
from pipeline.run.layout import RunFolder
from pipeline.tracking.client import EXPERIMENT, artifact_root, tracking_uri
from pipeline.tracking.pyfunc import log_patch_model

# Limits of one MLflow batch request.
METRICS_PER_BATCH = 1000
PARAM_LENGTH = 500


@dataclass
class State:
    """What MLflow already has of a run folder.

    Attributes:
        key: with it a run of MLflow is found again whose making was never answered.
        children: the MLflow run of each stage.
        finished: stages whose child is ended; the next start makes another.
        events: so many, the first ones, are done with all that follows from them.
        metrics: of the events after these, the last one whose metrics each MLflow run has.
        artifacts: likewise the last event whose file each "run path" has.
        models: MLflow runs that have their model.
    """

    uri: str
    parent: str = ""
    children: dict[str, str] = field(default_factory=dict)
    finished: list[str] = field(default_factory=list)
    events: int = 0
    key: str = field(default_factory=lambda: uuid.uuid4().hex)
    metrics: dict[str, int] = field(default_factory=dict)
    artifacts: dict[str, int] = field(default_factory=dict)
    models: list[str] = field(default_factory=list)


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
        new = events[state.events :]
        if not new:
            return 0
        uploader = _Uploader(run, state, client or MlflowClient(state.uri))
        for index, event in enumerate(new, start=state.events):
            uploader.take(index, event)
        uploader.send()
        uploader.done(len(events))
        return len(new)


def _load_state(run: RunFolder) -> State:
    uri = tracking_uri()
    if run.tracking_state.is_file():
        state = State(**json.loads(run.tracking_state.read_text(encoding="utf-8")))
        # Another tracking server has seen nothing of this run yet.
        if state.uri == uri:
            return state
    return State(uri=uri)


class _Uploader:
    def __init__(self, run: RunFolder, state: State, client: MlflowClient):
        self._run = run
        self._state = state
        self._client = client
        # (event, metrics) by MLflow run.
        self._metrics: dict[str, list[tuple[int, list[Metric]]]] = {}
        # A file may be named by several events; its last content is sent once.
        self._artifacts: dict[tuple[str, str], tuple[int, str]] = {}
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

    def take(self, index: int, event: dict) -> None:
        """Send an event, or hold it until the next `send`; `index` is its place in the log."""
        getattr(self, f"_on_{event['event']}")(index, event)

    def send(self) -> None:
        """Send what is held, and remember each step."""
        for run_id, held in self._metrics.items():
            for index, metrics in _batches(held):
                self._client.log_batch(run_id, metrics=metrics)
                self._state.metrics[run_id] = index
                self._save()
        for (run_id, path), (index, folder) in self._artifacts.items():
            file = self._run.root / path
            if file.is_file():
                self._client.log_artifact(run_id, str(file), folder or None)
            self._state.artifacts[f"{run_id} {path}"] = index
            self._save()
        self._metrics.clear()
        self._artifacts.clear()

    def done(self, events: int) -> None:
        """The first `events` events are done with."""
        self._state.events = events
        self._state.metrics, self._state.artifacts = {}, {}
        self._save()

    def _save(self) -> None:
        write_text(self._run.tracking_state, json_text(asdict(self._state)))

    def _hold_metrics(self, run_id: str, index: int, metrics: list[Metric]) -> None:
        if index > self._state.metrics.get(run_id, -1):
            self._metrics.setdefault(run_id, []).append((index, metrics))

    def _hold_artifact(self, run_id: str, index: int, path: str, folder: str) -> None:
        if index > self._state.artifacts.get(f"{run_id} {path}", -1):
            self._artifacts[run_id, path] = index, folder

    def _on_start(self, index: int, event: dict) -> None:
        self.send()
        self.done(index)
        stage = event["stage"]
        if stage not in self._state.children or stage in self._state.finished:
            self._state.children[stage] = self._new_run(
                stage, parent=self._state.parent, index=index
            )
            self._state.finished = [s for s in self._state.finished if s != stage]
            self._save()
        run_id = self._state.children[stage]
        for resumed in (run_id, self._state.parent):
            self._client.update_run(resumed, status="RUNNING")
        self._client.set_tag(run_id, "git_commit", event["commit"] or "unknown")
        self._client.set_tag(run_id, "git_dirty", str(event["dirty"]))
        known = self._client.get_run(run_id).data.params
        params = [
            Param(f"{section}.{name}", str(value)[:PARAM_LENGTH])
            for section, values in event["settings"].items()
            for name, value in values.items()
            if f"{section}.{name}" not in known
        ]
        self._client.log_batch(run_id, params=params)
        self.done(index + 1)

    def _on_metrics(self, index: int, event: dict) -> None:
        self._hold_metrics(
            self._child(event), index, _metrics(event["values"], event, step=event["step"])
        )

    def _on_artifact(self, index: int, event: dict) -> None:
        self._hold_artifact(self._child(event), index, event["path"], event["folder"])

    def _on_finish(self, index: int, event: dict) -> None:
        stage, run_id = event["stage"], self._child(event)
        cost = {"stage_seconds": event["seconds"], "peak_memory_mib": event["peak_mib"]}
        self._hold_metrics(run_id, index, _metrics(cost, event))
        if event["status"] != "finished":
            self._client.set_tag(run_id, "error", event["message"][:PARAM_LENGTH])
            self._client.set_terminated(run_id, "FAILED")
            return
        if stage == "train" and self._run.model.is_dir() and run_id not in self._state.models:
            log_patch_model(self._run.model, run_id=run_id, uri=self._state.uri)
            self._state.models.append(run_id)
            self._save()
        self._show_on_parent(index, event)
        self.send()
        self._client.set_terminated(run_id, "FINISHED")
        self._client.set_terminated(self._state.parent, "FINISHED")
        self._state.finished.append(stage)
        self.done(index + 1)

    def _show_on_parent(self, index: int, event: dict) -> None:
        """The report, the fingerprint of the data and the main metrics, where people look first."""
        parent = self._state.parent
        for file in (self._run.report, self._run.regions, self._run.metrics):
            if file.is_file():
                self._hold_artifact(parent, index, file.name, "")
        if self._run.catalog.is_file():
            catalog = json.loads(self._run.catalog.read_text(encoding="utf-8"))
            self._client.set_tag(parent, "data_fingerprint", catalog["fingerprint"])
        if self._run.metrics.is_file():
            figures = json.loads(self._run.metrics.read_text(encoding="utf-8"))
            values = {
                metric.name: (figures.get(metric.name) or {}).get("value")
                for metric in ranking_metrics(within=Place.SUMMARY)
            }
            known = {name: value for name, value in values.items() if value is not None}
            self._hold_metrics(parent, index, _metrics(known, event))

    def _child(self, event: dict) -> str:
        return self._state.children[event["stage"]]

    def _new_run(self, name: str, *, parent: str, index: int) -> str:
        """Make a run of MLflow for the event of that index, unless it was made and not answered."""
        experiment, key = self._experiment(), f"{self._state.key}-{index}"
        made = self._client.search_runs([experiment], f"tags.upload_key = '{key}'")
        if made:
            return made[0].info.run_id
        tags = {"mlflow.parentRunId": parent} if parent else {"run_folder": str(self._run.root)}
        tags["upload_key"] = key
        return self._client.create_run(experiment, run_name=name, tags=tags).info.run_id

    def _experiment(self) -> str:
        found = self._client.get_experiment_by_name(EXPERIMENT)
        if found:
            return found.experiment_id
        return self._client.create_experiment(EXPERIMENT, artifact_location=artifact_root())


def _metrics(values: dict[str, float], event: dict, *, step: int = 0) -> list[Metric]:
    time_ms = int(event["time"] * 1000)
    return [Metric(name, value, time_ms, step) for name, value in values.items()]


def _batches(held: list[tuple[int, list[Metric]]]) -> Iterator[tuple[int, list[Metric]]]:
    """Whole events in batches that MLflow takes, each with the index of its last event."""
    batch: list[Metric] = []
    last = -1
    for index, metrics in held:
        if batch and len(batch) + len(metrics) > METRICS_PER_BATCH:
            yield last, batch
            batch = []
        batch, last = batch + metrics, index
    if batch:
        yield last, batch


def follow(run: RunFolder, *, process: int, seconds: float, wait) -> None:
    """Upload every `seconds` until the process is gone; `wait(seconds)` sleeps."""
    since = 0.0
    while Path(f"/proc/{process}").exists():
        wait(1.0)
        since += 1.0
        if since >= seconds:
            upload(run)
            since = 0.0
    upload(run)
