"""Brings the events of a run folder into MLflow: one parent run, one child per stage.

What was uploaded is remembered in RUN/tracking.json, so a call brings only what is new, a
stage that is killed and started again goes on in its child, and nothing is sent twice.
"""

import fcntl
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from mlflow.entities import Metric, Param
from mlflow.tracking import MlflowClient

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
    """What MLflow already has of a run folder."""

    uri: str
    parent: str = ""
    children: dict[str, str] = field(default_factory=dict)
    finished: list[str] = field(default_factory=list)
    events: int = 0


def upload(run: RunFolder) -> int:
    """Bring all new events into MLflow; return how many there were.

    Raises:
        mlflow.exceptions.MlflowException: the tracking store does not answer.
    """
    with (run.root / "tracking.lock").open("a") as lock:
        # The follower of a training and the call after it may meet here.
        fcntl.flock(lock, fcntl.LOCK_EX)
        state = _load_state(run)
        events = read_events(run.events)
        new = events[state.events :]
        if not new:
            return 0
        uploader = _Uploader(run, state)
        for event in new:
            uploader.take(event)
        uploader.flush()
        state.events = len(events)
        write_text(run.tracking_state, json_text(asdict(state)))
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
    def __init__(self, run: RunFolder, state: State):
        self._run = run
        self._state = state
        self._client = MlflowClient(state.uri)
        self._metrics: dict[str, list[Metric]] = {}
        # A file may be named by several events; its last content is sent once.
        self._artifacts: dict[tuple[str, str], str] = {}
        if not state.parent:
            state.parent = self._new_run(run.root.resolve().name, parent=self._study())

    def _study(self) -> str:
        """The MLflow run of the study that this run is a part of, if it is there."""
        study = self._run.study
        if study is None or not study.tracking_state.is_file():
            return ""
        state = _load_state(study)
        return state.parent

    def take(self, event: dict) -> None:
        getattr(self, f"_on_{event['event']}")(event)

    def flush(self) -> None:
        for run_id, metrics in self._metrics.items():
            for first in range(0, len(metrics), METRICS_PER_BATCH):
                self._client.log_batch(run_id, metrics=metrics[first : first + METRICS_PER_BATCH])
        for (run_id, path), folder in self._artifacts.items():
            file = self._run.root / path
            if file.is_file():
                self._client.log_artifact(run_id, str(file), folder or None)
        self._metrics.clear()
        self._artifacts.clear()

    def _on_start(self, event: dict) -> None:
        stage = event["stage"]
        if stage not in self._state.children or stage in self._state.finished:
            self._state.children[stage] = self._new_run(stage, parent=self._state.parent)
            self._state.finished = [s for s in self._state.finished if s != stage]
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

    def _on_metrics(self, event: dict) -> None:
        time_ms = int(event["time"] * 1000)
        run_id = self._child(event)
        self._metrics.setdefault(run_id, []).extend(
            Metric(name, value, time_ms, event["step"]) for name, value in event["values"].items()
        )

    def _on_artifact(self, event: dict) -> None:
        self._artifacts[self._child(event), event["path"]] = event["folder"]

    def _on_finish(self, event: dict) -> None:
        stage, run_id = event["stage"], self._child(event)
        self._on_metrics(
            event
            | {
                "step": 0,
                "values": {
                    "stage_seconds": event["seconds"],
                    "peak_memory_mib": event["peak_mib"],
                },
            }
        )
        if event["status"] != "finished":
            self._client.set_tag(run_id, "error", event["message"][:PARAM_LENGTH])
            self._client.set_terminated(run_id, "FAILED")
            return
        if stage == "train" and self._run.model.is_dir():
            log_patch_model(self._run.model, run_id=run_id, uri=self._state.uri)
        self._show_on_parent()
        self.flush()
        self._client.set_terminated(run_id, "FINISHED")
        self._client.set_terminated(self._state.parent, "FINISHED")
        self._state.finished.append(stage)

    def _show_on_parent(self) -> None:
        """The report, the fingerprint of the data and the main figures, where people look first."""
        parent = self._state.parent
        for file in (self._run.report, self._run.regions, self._run.metrics):
            if file.is_file():
                self._artifacts[parent, file.name] = ""
        if self._run.catalog.is_file():
            catalog = json.loads(self._run.catalog.read_text(encoding="utf-8"))
            self._client.set_tag(parent, "data_fingerprint", catalog["fingerprint"])
        if self._run.metrics.is_file():
            figures = json.loads(self._run.metrics.read_text(encoding="utf-8"))
            for name in ("patch_auc", "patch_ap", "image_auc", "mean_froc"):
                value = (figures.get(name) or {}).get("value")
                if value is not None:
                    self._client.log_metric(parent, name, value)

    def _child(self, event: dict) -> str:
        return self._state.children[event["stage"]]

    def _new_run(self, name: str, *, parent: str) -> str:
        tags = {"mlflow.parentRunId": parent} if parent else {"run_folder": str(self._run.root)}
        return self._client.create_run(self._experiment(), run_name=name, tags=tags).info.run_id

    def _experiment(self) -> str:
        found = self._client.get_experiment_by_name(EXPERIMENT)
        if found:
            return found.experiment_id
        return self._client.create_experiment(EXPERIMENT, artifact_location=artifact_root())


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
