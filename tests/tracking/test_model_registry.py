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


def version_of(client, run: RunFolder, sha256: str = SHA) -> None:
    """As an upload of a training: twice, as after an outage."""
    from pipeline.tracking.model_registry import register

    parent, child = (client.create_run("1").info.run_id for _ in range(2))
    client.create_logged_model("1", "model", child)
    words = {"data_set": "mias", "title": run.title, "sha256": sha256}
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


def test_a_model_that_nobody_judged_becomes_no_champion(client, tmp_path):
    from pipeline.tracking.model_registry import make_champion

    run = RunFolder(tmp_path / "mine")
    with pytest.raises(UserError, match=r"No model of .* is evaluated"):
        make_champion(client, run)
    judged(run, 0.5, sha256="f" * 64)
    with pytest.raises(UserError, match="judges another model"):
        make_champion(client, run)
