"""MLflow gets every event once, one child per stage, whatever fails in between."""

import json
import subprocess
import time

import pytest

from pipeline.run.events import EventLog
from pipeline.run.layout import RunFolder
from tests.tracking.memory_store import Outage, Store


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


def test_what_an_earlier_version_kept_of_an_upload_is_understood(run):
    two_stages(run)
    store = Store()
    content = sent(run, store)
    kept = json.loads(run.tracking_state.read_text())
    run.tracking_state.write_text(json.dumps(kept | {"metrics": {}, "artifacts": {}, "models": []}))
    EventLog(run, "evaluate").metrics({"late": 1.0}, step=9)
    again = sent(run, store)
    assert again["runs"] == content["runs"]
    assert again["metrics"] == sorted([*content["metrics"], ("evaluate", "late", 9, 1.0)])


def test_following_ends_with_a_process_that_nobody_asks_after(run):
    from pipeline.tracking.upload import follow

    run.root.mkdir(parents=True)
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        assert len(waits) < 100
        time.sleep(0.05)

    process = subprocess.Popen(["sleep", "0.3"])  # dead, it stays in /proc until its end is read
    follow(run, process=process.pid, seconds=20, wait=wait)
    assert waits
    process.wait()
