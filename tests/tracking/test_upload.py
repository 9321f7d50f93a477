"""MLflow gets every event once, one child per stage, whatever fails in between."""

import json
from types import SimpleNamespace

import pytest

from pipeline.run.events import EventLog
from pipeline.run.layout import RunFolder


@pytest.fixture
def run(tmp_path, monkeypatch) -> RunFolder:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return RunFolder(tmp_path / "runs" / "mine")


def children(client):
    from pipeline.tracking.client import EXPERIMENT

    experiment = client.get_experiment_by_name(EXPERIMENT)
    runs = client.search_runs([experiment.experiment_id])
    return {r.info.run_name: r for r in runs}


def test_a_killed_training_goes_on_in_its_child_and_a_new_one_gets_another(run):
    from mlflow.tracking import MlflowClient

    from pipeline.tracking.client import tracking_uri
    from pipeline.tracking.upload import upload

    events = EventLog(run, "train")
    events.start(settings={"train": {"epochs": 3}}, commit="abc", dirty=False)
    events.metrics({"loss": 0.5}, step=1)
    assert upload(run) == 2
    # Killed here, then started again.
    events.start(settings={"train": {"epochs": 3}}, commit="abc", dirty=False)
    events.metrics({"loss": 0.25}, step=2)
    table = run.root / "regions.csv"
    table.write_text("rank\n1\n")
    events.artifact(table, folder="tables")
    events.finish(status="finished", seconds=2.0, peak_mib=10.0)
    assert upload(run) == 4
    assert upload(run) == 0

    client = MlflowClient(tracking_uri())
    runs = children(client)
    assert runs["mine"].info.status == "FINISHED"
    assert sorted(runs) == ["mine", "train"]
    train = runs["train"]
    assert train.data.tags["mlflow.parentRunId"] == runs["mine"].info.run_id
    assert train.data.params == {"train.epochs": "3"}
    assert train.info.status == "FINISHED"
    history = client.get_metric_history(train.info.run_id, "loss")
    assert [(m.step, m.value) for m in history] == [(1, 0.5), (2, 0.25)]
    files = client.list_artifacts(train.info.run_id, "tables")
    assert [f.path for f in files] == ["tables/regions.csv"]

    events.start(settings={"train": {"epochs": 4}}, commit="abc", dirty=False)
    events.metrics({"loss": 0.5}, step=1)
    upload(run)
    assert children(client)["mine"].info.status == "RUNNING"
    experiment = client.search_runs([train.info.experiment_id])
    assert sum(r.info.run_name == "train" for r in experiment) == 2


class Outage(Exception):
    """The store does not answer."""


class Store:
    """A tracking store in memory that may fail at one of its calls, before or after its effect."""

    def __init__(self):
        self.runs: dict[str, SimpleNamespace] = {}
        self.metrics: list[tuple] = []
        self.artifacts: list[tuple] = []
        self.calls = 0
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
        return SimpleNamespace(experiment_id="1")

    def _search_runs(self, experiments, text):
        return [r for r in self.runs.values() if f"'{r.tags.get('upload_key')}'" in text]

    def _create_run(self, experiment, run_name, tags):
        info = SimpleNamespace(run_id=f"run-{len(self.runs)}", run_name=run_name, status="RUNNING")
        data = SimpleNamespace(params={})
        run = SimpleNamespace(info=info, data=data, tags=dict(tags))
        self.runs[info.run_id] = run
        return run

    def _get_run(self, run_id):
        return self.runs[run_id]

    def _update_run(self, run_id, status):
        self.runs[run_id].info.status = status

    _set_terminated = _update_run

    def _set_tag(self, run_id, key, value):
        self.runs[run_id].tags[key] = value

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


def two_stages(run: RunFolder) -> None:
    run.root.mkdir(parents=True)
    run.metrics.write_text(json.dumps({"patch_auc": {"value": 0.9}}))
    for stage in ("heatmap", "evaluate"):
        events = EventLog(run, stage)
        events.start(settings={stage: {"seed": 3}}, commit="abc", dirty=False)
        for step in range(3):
            events.metrics({"done": step, "left": 2 - step}, step=step)
        table = run.root / f"{stage}.csv"
        table.write_text("rank\n1\n")
        events.artifact(table, folder="tables")
        events.finish(status="finished", seconds=2.0, peak_mib=10.0)


def sent(run: RunFolder, store: Store) -> dict:
    from pipeline.tracking.upload import upload

    upload(run, client=store)
    return store.content()


@pytest.fixture
def whole(run) -> tuple[dict, int]:
    """What one upload without an outage leaves, and how many calls it takes."""
    two_stages(run)
    store = Store()
    return sent(run, store), store.calls


def test_after_an_outage_anywhere_it_goes_on_in_the_same_runs_and_sends_nothing_twice(run, whole):
    content, calls = whole
    assert [name for name, _ in content["runs"]] == ["mine", "heatmap", "evaluate"]
    for call in range(calls):
        run.tracking_state.unlink()
        store = Store()
        store.fails_at = call
        with pytest.raises(Outage):
            sent(run, store)
        assert sent(run, store) == content, call


def test_a_run_that_was_made_without_an_answer_is_found_again(run, whole):
    content, calls = whole
    for call in range(calls):
        run.tracking_state.unlink()
        store = Store()
        store.fails_at, store.unanswered = call, True
        with pytest.raises(Outage):
            sent(run, store)
        again = sent(run, store)
        assert {k: again[k] for k in ("runs", "parents", "params")} == {
            k: content[k] for k in ("runs", "parents", "params")
        }, call


def test_events_that_came_after_the_outage_are_sent_with_the_rest(run, whole):
    content, calls = whole
    run.tracking_state.unlink()
    store = Store()
    store.fails_at = calls - 6
    with pytest.raises(Outage):
        sent(run, store)
    EventLog(run, "evaluate").metrics({"late": 1.0}, step=9)
    again = sent(run, store)
    assert again["metrics"] == sorted([*content["metrics"], ("evaluate", "late", 9, 1.0)])
    assert again["artifacts"] == content["artifacts"]


def test_the_parts_of_a_study_are_sent_with_it_and_below_it(run):
    for part, stage in ((run, "crossval"), (run.fold(1), "train"), (run.mined, "train")):
        log = EventLog(part, stage)
        log.start(settings={}, commit="", dirty=False)
        log.metrics({"loss": 0.5})
    content = sent(run, Store())
    names = [name for name, _ in content["runs"]]
    assert names == ["mine", "crossval", "1", "train", "mined", "train"]
    assert content["parents"] == [None, "mine", "mine", "1", "mine", "mined"]
