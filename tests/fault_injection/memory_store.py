"""A tracking store in memory, for what is sent and how it fails."""

from types import SimpleNamespace

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST


class Outage(Exception):
    """The store does not answer."""


class Store:
    """A tracking store in memory that may fail at one of its calls, before or after its effect.

    Attributes:
        repeated: each call that makes a run arrives twice, as where its first answer is lost.
        slow: the first request of each call that makes a run is given up, and comes to its effect
            when `come_late` is called.
        refused: calls, by name, that fail once, as where another client does the same this moment.
    """

    def __init__(self):
        self.runs: dict[str, SimpleNamespace] = {}
        self.metrics: list[tuple] = []
        self.artifacts: list[tuple] = []
        self.inputs: dict[str, list] = {}
        self.views: dict[str, str] = {}
        self.calls = 0
        self.made = -1
        self.fails_at, self.unanswered, self.repeated, self.slow = -1, False, False, False
        self.late: list[tuple] = []
        self.refused: set[str] = set()

    def __getattr__(self, name):
        def call(*args, **options):
            self.calls += 1
            if name in self.refused:
                self.refused.remove(name)
                raise MlflowException("there is one already")
            fails = self.calls - 1 == self.fails_at
            if fails and not self.unanswered:
                raise Outage
            answer = getattr(self, f"_{name}")(*args, **options)
            if fails:
                raise Outage
            return answer

        return call

    def _get_experiment_by_name(self, name):
        return SimpleNamespace(experiment_id="1", lifecycle_stage="active", tags=self.views)

    def _set_experiment_tag(self, experiment, key, value):
        self.views[key] = value

    def _search_runs(self, experiments, text):
        return [
            r
            for r in self.runs.values()
            if f"'{r.tags.get('upload_key')}'" in text and r.info.lifecycle_stage == "active"
        ]

    def _create_run(self, experiment, start_time, tags, run_name):
        if self.repeated:
            self._make_run(start_time, tags, run_name)
        if self.slow:
            self.late.append((start_time, tags, run_name))
        return self._make_run(start_time, tags, run_name)

    def come_late(self):
        """Do what was given up."""
        while self.late:
            self._make_run(*self.late.pop())

    def _delete_run(self, run_id):
        self.runs[run_id].info.lifecycle_stage = "deleted"

    def _make_run(self, start_time, tags, run_name):
        self.made += 1
        info = SimpleNamespace(run_id=f"run-{self.made}", run_name=run_name, status="RUNNING")
        info.lifecycle_stage, info.start_time, info.end_time = "active", start_time, None
        data = SimpleNamespace(params={}, tags=dict(tags))
        run = SimpleNamespace(info=info, data=data, tags=data.tags)
        self.runs[info.run_id] = run
        return run

    def _get_run(self, run_id):
        if run_id not in self.runs:
            raise MlflowException("no such run", RESOURCE_DOES_NOT_EXIST)
        return self.runs[run_id]

    def _update_run(self, run_id, status=None, name=None):
        info = self.runs[run_id].info
        info.status, info.run_name = status or info.status, name or info.run_name

    def _set_terminated(self, run_id, status, end_time):
        self.runs[run_id].info.status, self.runs[run_id].info.end_time = status, end_time

    def _set_tag(self, run_id, key, value):
        self.runs[run_id].tags[key] = value

    def _delete_tag(self, run_id, key):
        del self.runs[run_id].tags[key]

    def _log_batch(self, run_id, metrics=(), params=(), tags=()):
        self.metrics += [(run_id, m.key, m.step, m.value) for m in metrics]
        # As MLflow does, which also knows the time.
        self.metrics = list(dict.fromkeys(self.metrics))
        self.runs[run_id].data.params.update({p.key: p.value for p in params})
        self.runs[run_id].tags.update({t.key: t.value for t in tags})

    def _log_inputs(self, run_id, datasets):
        self.inputs[run_id] = [(d.dataset.name, d.dataset.digest) for d in datasets]

    def _log_artifact(self, run_id, path, folder):
        sent = (run_id, path.rsplit("/", 1)[1], folder)
        self.artifacts += [] if sent in self.artifacts else [sent]

    def content(self) -> dict:
        names = {i: r.info.run_name for i, r in self.runs.items()}
        return {
            "runs": [(r.info.run_name, r.info.status) for r in self.runs.values()],
            "parents": [names.get(r.tags.get("mlflow.parentRunId")) for r in self.runs.values()],
            "params": {names[i]: r.data.params for i, r in self.runs.items()},
            "metrics": sorted((names[i], *rest) for i, *rest in self.metrics),
            "artifacts": sorted((names[i], *map(str, rest)) for i, *rest in self.artifacts),
        }
