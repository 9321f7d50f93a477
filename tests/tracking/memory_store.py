"""A tracking store in memory, for what is sent and how it fails."""

from types import SimpleNamespace

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST


class Outage(Exception):
    """The store does not answer."""


class Store:
    """A tracking store in memory that may fail at one of its calls, before or after its effect."""

    def __init__(self):
        self.runs: dict[str, SimpleNamespace] = {}
        self.metrics: list[tuple] = []
        self.artifacts: list[tuple] = []
        self.calls = 0
        self.made = -1
        self.fails_at, self.unanswered = -1, False

    def __getattr__(self, name):
        def call(*args, **options):
            self.calls += 1
            fails = self.calls - 1 == self.fails_at
            if fails and not self.unanswered:
                raise Outage
            answer = getattr(self, f"_{name}")(*args, **options)
            if fails:
                raise Outage
            return answer

        return call

    def _get_experiment_by_name(self, name):
        return SimpleNamespace(experiment_id="1", lifecycle_stage="active")

    def _search_runs(self, experiments, text):
        return [
            r
            for r in self.runs.values()
            if f"'{r.tags.get('upload_key')}'" in text and r.info.lifecycle_stage == "active"
        ]

    def _create_run(self, experiment, run_name, tags):
        self.made += 1
        info = SimpleNamespace(run_id=f"run-{self.made}", run_name=run_name, status="RUNNING")
        info.lifecycle_stage = "active"
        data = SimpleNamespace(params={}, tags=dict(tags))
        run = SimpleNamespace(info=info, data=data, tags=data.tags)
        self.runs[info.run_id] = run
        return run

    def _get_run(self, run_id):
        if run_id not in self.runs:
            raise MlflowException("no such run", RESOURCE_DOES_NOT_EXIST)
        return self.runs[run_id]

    def _update_run(self, run_id, status):
        self.runs[run_id].info.status = status

    _set_terminated = _update_run

    def _set_tag(self, run_id, key, value):
        self.runs[run_id].tags[key] = value

    def _delete_tag(self, run_id, key):
        del self.runs[run_id].tags[key]

    def _log_batch(self, run_id, metrics=(), params=()):
        self.metrics += [(run_id, m.key, m.step, m.value) for m in metrics]
        self.runs[run_id].data.params.update({p.key: p.value for p in params})

    def _log_artifact(self, run_id, path, folder):
        self.artifacts.append((run_id, path.rsplit("/", 1)[1], folder))

    def content(self) -> dict:
        names = {i: r.info.run_name for i, r in self.runs.items()}
        return {
            "runs": [(r.info.run_name, r.info.status) for r in self.runs.values()],
            "parents": [names.get(r.tags.get("mlflow.parentRunId")) for r in self.runs.values()],
            "params": {names[i]: r.data.params for i, r in self.runs.items()},
            "metrics": sorted((names[i], *rest) for i, *rest in self.metrics),
            "artifacts": sorted((names[i], *map(str, rest)) for i, *rest in self.artifacts),
        }
