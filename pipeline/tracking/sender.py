"""Sends the events of a run folder into its runs of MLflow."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from pipeline.model.card import read_card
from pipeline.run.layout import RunFolder
from pipeline.tracking.attempts import Attempt, Event, milliseconds, unsent
from pipeline.tracking.client import make_places_relative, tracking_uri
from pipeline.tracking.database import prepare_database
from pipeline.tracking.mlflow_runs import TEXT_LENGTH, MlflowRuns
from pipeline.tracking.model_registry import register
from pipeline.tracking.overview import OF_THE_RUN, Overview
from pipeline.tracking.pyfunc import log_model
from pipeline.tracking.sent import Sent
from pipeline.tracking.step_images import send_image

# Limits of one MLflow batch request.
METRICS_PER_BATCH, PARAMS_PER_BATCH = 1000, 100
_REFUSED = re.compile(r"[^/\w.\- :]")  # in the name of a metric

Item = tuple[int, Event, Attempt]  # index in the log, and whose it is


def open_client() -> MlflowClient:
    """A client of the tracking store, whose own database is made where there is none."""
    prepare_database()
    client = MlflowClient(tracking_uri())
    make_places_relative()
    return client


class Sender:
    """Brings MLflow to what the log of a run folder says."""

    def __init__(self, run: RunFolder, sent: Sent, client: MlflowClient, attempts: list[Attempt]):
        self._run, self._sent, self._client, self._attempts = run, sent, client, attempts
        self._runs = MlflowRuns(run, sent, client, attempts)
        # Of a file that an attempt names several times, the last content is sent once.
        self._latest = {
            (each.first, event["path"]): index
            for each in attempts
            for index, event in each.events
            if event["event"] == "artifact"
        }

    def send(self, count: int, *, in_use: bool) -> None:
        """Send all that is not there yet, and remember each step.

        Args:
            count: of all events of the log.
            in_use: whether a process works on the run folder.
        """
        gone, sent = self._runs.forget_deleted(), self._sent
        # What goes on is made anew, with what it had; of the others the user wants no more.
        unwanted = {each.name for each in gone if each.events[-1][0] < sent.count}
        again = [(i, e, each) for each in gone for i, e in each.events if i < sent.count]
        for batch in _batches(item for item in again if item[2].name not in unwanted):
            self._send_batch(batch)
        new = unsent(self._attempts, sent=sent.count)
        for batch in _batches(item for item in new if item[2].name not in unwanted):
            self._send_batch(batch)
            sent.count = batch[-1][0] + 1
            sent.keep(self._run)
        for configuration in self._runs.configurations:
            self._runs.end(configuration, in_use=in_use)
        self._delete_doubles()
        sent.count = count
        sent.keep(self._run)

    def _delete_doubles(self) -> None:
        """Take away what a slow server made a second time since."""
        self._runs.delete_doubles()
        for attempt in self._attempts:
            if attempt.model in self._sent.asked and attempt.name in self._sent.runs:
                self._send_model(attempt)
        self._sent.asked = self._sent.still_asked()

    def _send_batch(self, batch: list[Item]) -> None:
        """Send events of one attempt: several with metrics, or one of another kind."""
        index, event, attempt = batch[0]
        child = self._runs.child(attempt)
        match event["event"]:
            case "start":
                self._log(child, params=_flat(event["settings"]), tags=_version_tags(event))
                self._describe(attempt)
            case "metrics":
                metrics = [m for _, e, _ in batch for m in _metrics(e["values"], e, e["step"])]
                self._client.log_batch(child, metrics)
            case "artifact":
                is_last = self._latest[attempt.first, event["path"]] == index
                if is_last and event["path"] not in OF_THE_RUN:
                    self._send_file(child, event["path"], event["folder"])
            case "image":
                path, shown = self._run.root / event["path"], (event["key"], event["step"])
                if path.is_file():
                    place = self._runs.pictures(attempt)
                    send_image(self._client, place, path, *shown, time_ms=attempt.begin_ms)
            case "finish":
                cost = {"stage_seconds": event["seconds"], "peak_memory_mib": event["peak_mib"]}
                self._client.log_batch(child, _metrics(cost, event))
                self._send_model(attempt)
                self._describe(attempt)

    def _log(
        self,
        run_id: str,
        *,
        params: Mapping[str, Any],
        tags: Mapping[str, str],
        metrics: list[Metric] | None = None,
    ) -> None:
        every = [Param(name, str(value)[:TEXT_LENGTH]) for name, value in params.items()]
        texts = [RunTag(name, value) for name, value in tags.items()]
        self._client.log_batch(run_id, metrics or [], every[:PARAMS_PER_BATCH], texts)
        for begin in range(PARAMS_PER_BATCH, len(every), PARAMS_PER_BATCH):
            self._client.log_batch(run_id, params=every[begin : begin + PARAMS_PER_BATCH])

    def _send_file(self, run_id: str, path: str, folder: str = "") -> None:
        if (self._run.root / path).is_file():
            self._client.log_artifact(run_id, str(self._run.root / path), folder or None)

    def _send_model(self, attempt: Attempt) -> None:
        """Log and register the model that the attempt left, where no later one replaced it."""
        folders = {"crossval": self._run.folds.model}
        folders |= dict.fromkeys(("train", "calibrate"), self._run.model)
        folder = folders.get(attempt.stage)
        rivals = [stage for stage, other in folders.items() if other == folder]
        if folder is None or not folder.is_dir() or attempt is not self._runs.last(*rivals):
            return
        child, configuration = self._runs.child(attempt), self._runs.configuration(attempt)
        parent = self._runs.parent(configuration)
        with self._sent.asking(attempt.model, self._run):
            log_model(folder, run_id=child, uri=tracking_uri())
            self._sent.ends.pop(attempt.name, None)  # MLflow has ended the run at this moment
            if self._run.study is None:
                register(
                    self._client,
                    child,
                    parent=parent,
                    data_set=configuration.data_set,
                    title=self._runs.title,
                    sha256=read_card(folder).sha256,
                )

    def _describe(self, attempt: Attempt) -> None:
        """Show on the run of the whole configuration what people look for first."""
        configuration = self._runs.configuration(attempt)
        run_id = self._runs.parent(configuration)
        overview = Overview(self._run, configuration)
        note = overview.note(
            self._runs.title,
            experiment=self._runs.experiment_id,
            run_id=run_id,
            watched=self._runs.pictures(configuration.watched) if configuration.watched else "",
        )
        tags = _version_tags(attempt.events[0][1]) | {"mlflow.note.content": note}
        self._log(run_id, params=configuration.params, tags=tags, metrics=overview.metrics())
        if attempt.ended and configuration is self._runs.configurations[-1]:
            if data := overview.dataset():
                try:
                    self._client.log_inputs(run_id, [data])
                except MlflowException:  # another run of the same data may log them this moment
                    self._client.log_inputs(run_id, [data])
            for path in OF_THE_RUN:
                self._send_file(run_id, path)


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Events that go in one request: metrics of an attempt together, others alone."""
    batch: list[Item] = []
    size = 0
    for item in items:
        values = len(item[1].get("values", ()))
        alike = batch and batch[0][1]["event"] == item[1]["event"] == "metrics"
        if not (alike and batch[0][2] is item[2] and size + values <= METRICS_PER_BATCH):
            if batch:
                yield batch
            batch, size = [], 0
        batch.append(item)
        size += values
    if batch:
        yield batch


def _flat(settings: Mapping[str, Mapping]) -> dict[str, Any]:
    return {f"{section}.{n}": v for section, values in settings.items() for n, v in values.items()}


def _version_tags(start: Event) -> dict[str, str]:
    commit = start["commit"]
    return {
        "mlflow.source.git.commit": commit or "unknown",
        "mlflow.source.name": f"make {start['stage']}",
        "mlflow.source.type": "LOCAL",
        "git_dirty": str(start["dirty"]) if commit else "unknown",
    }


def _metrics(values: dict[str, float], event: dict, step: int = 0) -> list[Metric]:
    time_ms = milliseconds(event)
    # One name that MLflow refuses, such as "noise of 2%", would hold up all that follows it.
    return [Metric(_REFUSED.sub("_", n), value, time_ms, step) for n, value in values.items()]
