"""The runs of MLflow that stand for a run folder: found, made, ended, begun anew where deleted.

One for each configuration of the folder at the top, or below its study; below it, one for each
attempt at a stage, and one for its pictures. They are found again by a key.
"""

import os
import shlex

from mlflow.entities import Experiment, LifecycleStage
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode
from mlflow.tracking import MlflowClient

from pipeline.run.errors import UserError
from pipeline.run.events import read_events
from pipeline.run.layout import RunFolder
from pipeline.tracking.attempts import FAILED, RUNNING, Attempt, read_attempts
from pipeline.tracking.client import (
    artifact_root,
    experiment_name,
    make_places_relative,
    tracking_uri,
    without_password,
)
from pipeline.tracking.configurations import Configuration, read_configurations
from pipeline.tracking.saved_view import save_view
from pipeline.tracking.sent import Sent, read_sent

TEXT_LENGTH = 500
# The stage that the parts of a study belong to, by the name of the folder that holds them.
_STUDIES = {"folds": "crossval", "heads": "compare-heads", "mined": "mine"}


class MlflowRuns:
    """Those of one run folder."""

    def __init__(self, run: RunFolder, sent: Sent, client: MlflowClient, attempts: list[Attempt]):
        self._run, self._sent, self._client = run, sent, client
        self.title = RunFolder(run.root.resolve()).title
        self.configurations = read_configurations(attempts)
        self._of = {a.first: c for c in self.configurations for a in c.attempts}
        experiment = self._find_experiment()
        save_view(client, experiment)
        self.experiment_id = experiment.experiment_id

    def configuration(self, attempt: Attempt) -> Configuration:
        """The one that an attempt belongs to."""
        return self._of[attempt.first]

    def last(self, *stages: str) -> Attempt | None:
        """The last finished attempt at one of the stages."""
        return self.configurations[-1].last(*stages, own=False)

    def child(self, attempt: Attempt) -> str:
        """The run of an attempt."""
        tags = {"kind": "stage", "mlflow.parentRunId": self.parent(self.configuration(attempt))}
        title = f"{self.title}/{attempt.stage}"
        return self._found_or_made(attempt.name, title, tags, attempt.begin_ms)

    def pictures(self, attempt: Attempt) -> str:
        """The run of its pictures by step; beside parameters MLflow leaves them no room."""
        tags = {"kind": "pictures", "mlflow.parentRunId": self.parent(self.configuration(attempt))}
        title = f"{self.title}/maps by epoch"
        return self._found_or_made(attempt.pictures, title, tags, attempt.begin_ms)

    def parent(self, configuration: Configuration) -> str:
        """The run of a configuration."""
        tags = {"kind": "run", "run_folder": str(self._run.root)}
        if study := self._study():
            tags |= {"kind": "part of a study", "mlflow.parentRunId": study}
        number = f" #{configuration.number}" if configuration.number > 1 else ""
        begin_ms = configuration.attempts[0].begin_ms
        return self._found_or_made(configuration.name, self.title + number, tags, begin_ms)

    def forget_deleted(self) -> list[Attempt]:
        """Forget the runs of the last configuration that are no longer there.

        Where all were deleted, or the store is another one at the same place, nothing is sent yet.

        Returns:
            Attempts whose runs are gone, where others are left.
        """
        last, sent = self.configurations[-1], self._sent
        names = (last.name, *(n for each in last.attempts for n in (each.name, each.pictures)))
        known = [name for name in names if name in sent.runs]
        gone = {name for name in known if self._is_gone(sent.runs[name])}
        if gone and len(gone) == len(known):
            sent.count, sent.runs, sent.ends = 0, {}, {}
            return []
        for name in gone:
            del sent.runs[name]
            sent.ends.pop(name, None)
        if last.name in gone:
            for name in set(known) - gone:
                self._client.set_tag(sent.runs[name], "mlflow.parentRunId", self.parent(last))
        return [each for each in last.attempts if each.name in gone]

    def delete_doubles(self) -> None:
        """Delete the runs that a slow server made after others had taken their place."""
        for name in self._sent.asked.keys() & self._sent.runs.keys():
            for made in self._made(name):
                if made != self._sent.runs[name]:
                    self._client.delete_run(made)

    def end(self, configuration: Configuration, *, in_use: bool) -> None:
        """Say what became of the attempts and of the whole, and when.

        Args:
            in_use: whether a process works on the run folder.
        """
        attempts = configuration.attempts
        last = max(attempts, key=lambda a: (a.status(in_use=in_use) == RUNNING, a.events[-1][0]))
        self._set_end(configuration.name, last, f"{last.stage}: {last.error}", in_use)
        for attempt in attempts:
            for name in (attempt.pictures, attempt.name):  # the last one says that all are told
                self._set_end(name, attempt, attempt.error, in_use)

    def _set_end(self, name: str, attempt: Attempt, error: str, in_use: bool) -> None:
        """Give a run of MLflow the end of an attempt."""
        status, state = attempt.status(in_use=in_use), attempt.state(in_use=in_use)
        run_id = self._sent.runs.get(name)
        if run_id is None or self._sent.ends.get(name) == state:
            return
        if status == FAILED:
            self._client.set_tag(run_id, "error", error[:TEXT_LENGTH])
        elif "error" in self._client.get_run(run_id).data.tags:
            self._client.delete_tag(run_id, "error")
        if status == RUNNING:
            self._client.update_run(run_id, status)
        else:
            self._client.set_terminated(run_id, status, attempt.end_ms)
        self._sent.ends[name] = state
        self._sent.keep(self._run)

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
            run = shlex.quote(str(self._run.root))
            uri = shlex.quote(without_password(tracking_uri()))
            raise UserError(
                f"The experiment {name} was deleted in MLflow ({self._sent.uri}). Take it back: "
                f"MLFLOW_TRACKING_URI={uri} .venv/bin/mlflow experiments restore "
                f"--experiment-id {found.experiment_id}; or give a new one a name: "
                f"MLFLOW_EXPERIMENT_NAME=another. Then: make track RUN={run}"
            )
        return found

    def _is_gone(self, run_id: str) -> bool:
        try:
            return self._client.get_run(run_id).info.lifecycle_stage == LifecycleStage.DELETED
        except MlflowException as error:
            if error.error_code == ErrorCode.Name(RESOURCE_DOES_NOT_EXIST):
                return True
            raise

    def _study(self) -> str:
        """The run of MLflow of the study that this run is a part of, if it is there."""
        study = self._run.study
        if study is None or not study.tracking_state.is_file():
            return ""
        events = read_events(study.events)
        sent, attempts = read_sent(study, events), read_attempts(events)
        folder = self._run.root.relative_to(study.root).parts[0]
        stage = _STUDIES.get(folder, folder)
        mine = [each.name for each in attempts if each.stage == stage]
        whole = [name for name in sent.runs if not name[0].isdigit()]
        return next((sent.runs[n] for n in [*reversed(mine), *whole] if n in sent.runs), "")

    def _found_or_made(self, name: str, title: str, tags: dict[str, str], begin_ms: int) -> str:
        if name in self._sent.runs:
            return self._sent.runs[name]
        # Perhaps it was made and that was never answered.
        if made := self._made(name):
            self._client.update_run(made[0], name=title)  # another one in an earlier version
        else:
            tags["upload_key"] = self._key(name)
            if user := os.environ.get("MLFLOW_TRACKING_USERNAME"):
                tags["mlflow.user"] = user
            with self._sent.asking(name, self._run):
                new = self._client.create_run(self.experiment_id, begin_ms, tags, title)
            made = self._made(name) or [new.info.run_id]  # a server may find it later
        # The client repeats a request to which it gets no answer.
        run_id, *doubles = made
        for double in doubles:
            self._client.delete_run(double)
        self._sent.runs[name] = run_id
        self._sent.keep(self._run)
        return run_id

    def _key(self, name: str) -> str:
        return f"{self._sent.key}-{name}"

    def _made(self, name: str) -> list[str]:
        """The runs of that key."""
        found = self._client.search_runs(
            [self.experiment_id], f"tags.upload_key = '{self._key(name)}'"
        )
        return [run.info.run_id for run in found]
