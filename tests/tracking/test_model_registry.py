"""A trained model is a version of its data set's name; the champion is moved by hand."""

import json

import pytest

from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder
from tests.model.cards import write_a_card

SHA = "0" * 64


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    from mlflow.tracking import MlflowClient

    tmp_path = tmp_path_factory.mktemp("store")
    client = MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    client.create_experiment("e", artifact_location=(tmp_path / "artifacts").as_uri())
    return client


def version_of(client, run: RunFolder, sha256: str = SHA, *, data_set: str = "mias") -> None:
    """As an upload of a training: twice, as after an outage."""
    from mlflow.entities import LoggedModelStatus

    from pipeline.tracking.model_registry import register

    parent, child = (client.create_run("1").info.run_id for _ in range(2))
    model = client.create_logged_model("1", "model", child)
    client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
    words = {"data_set": data_set, "title": run.title, "sha256": sha256}
    for _ in range(2):
        register(client, child, parent=parent, **words)


def judged(run: RunFolder, froc: float, sha256: str = SHA) -> None:
    run.metrics.parent.mkdir(parents=True, exist_ok=True)
    write_a_card(run.model, sha256=SHA)
    figure = {"value": froc, "low": 0.1, "high": 0.9}
    run.metrics.write_text(json.dumps({"mean_froc": figure, "model_sha256": sha256}))


def test_the_champion_is_named_by_hand_and_its_figures_are_kept(client, tmp_path):
    from pipeline.tracking.model_registry import make_champion

    run = RunFolder(tmp_path / "mine")
    judged(run, 0.5)
    with pytest.raises(UserError, match="make track"):
        make_champion(client, run)
    version_of(client, run)
    assert client.get_registered_model("mammograms-mias").aliases == {}
    assert "0.500 (0.100 to 0.900)" in make_champion(client, run)
    assert len(client.search_model_versions("name = 'mammograms-mias'")) == 1
    judged(run, 0.7)
    version_of(client, run)
    said = make_champion(client, run)
    assert "0.500 (0.100 to 0.900)  0.700" in said
    assert client.get_registered_model("mammograms-mias").aliases == {"champion": 2}


def test_what_others_make_at_the_same_moment_is_there_once(client, tmp_path, monkeypatch):
    # A name that comes between the look and the making, and a request whose first answer is lost.
    from mlflow.tracking import MlflowClient

    create, search = MlflowClient.create_model_version, MlflowClient.search_registered_models

    def twice(*args, **options):
        create(*args, **options)
        return create(*args, **options)

    def not_yet(*_, **__):
        monkeypatch.setattr(MlflowClient, "search_registered_models", search)
        return []

    run = RunFolder(tmp_path / "another")
    version_of(client, run, sha256="a" * 64, data_set="others")
    before = len(client.search_model_versions("name = 'mammograms-others'"))
    monkeypatch.setattr(MlflowClient, "create_model_version", twice)
    monkeypatch.setattr(MlflowClient, "search_registered_models", not_yet)
    version_of(client, run, sha256="b" * 64, data_set="others")
    versions = client.search_model_versions("name = 'mammograms-others'")
    assert len(versions) == before + 1
    assert sum(each.tags["model_sha256"] == "b" * 64 for each in versions) == 1


def test_a_model_that_was_begun_and_asked_for_twice_is_not_the_registered_one(client):
    from mlflow.entities import LoggedModelStatus

    from pipeline.tracking.model_registry import logged_model, register

    parent, child = (client.create_run("1").info.run_id for _ in range(2))
    whole = client.create_logged_model("1", "model", child)
    client.finalize_logged_model(whole.model_id, LoggedModelStatus.READY)
    client.create_logged_model("1", "model", child)
    words = {"data_set": "begun", "title": "x", "sha256": "c" * 64}
    register(client, child, parent=parent, **words)
    (version,) = client.search_model_versions("name = 'mammograms-begun'")
    assert version.source == f"models:/{whole.model_id}"
    left = client.search_logged_models(["1"], f"source_run_id = '{child}'")
    assert [model.model_id for model in left] == [whole.model_id]
    assert logged_model(client, parent) is None


def test_a_model_that_nobody_judged_becomes_no_champion(client, tmp_path):
    from pipeline.tracking.model_registry import make_champion

    run = RunFolder(tmp_path / "mine")
    with pytest.raises(UserError, match=r"No model of .* is evaluated"):
        make_champion(client, run)
    judged(run, 0.5, sha256="f" * 64)
    with pytest.raises(UserError, match="judges another model"):
        make_champion(client, run)
