"""MLflow gets every event once, one child per stage."""

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
