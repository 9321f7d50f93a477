"""Registered models: a name for each data set, a version for each model that was trained on it.

The alias `champion` says which version to use. It moves by `make champion` alone, and only to a
model whose figures are known: which is better is decided by people who have seen both reports.
"""

import shlex

import mlflow
from mlflow.entities import LoggedModel, LoggedModelOutput, LoggedModelStatus
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from pipeline.figures.registry import first_figures
from pipeline.model.card import has_model, read_card
from pipeline.pages.filters import figure_text
from pipeline.run.atomic import read_json
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder
from pipeline.run.words import aligned

CHAMPION, SHA = "champion", "model_sha256"


def register(
    client: MlflowClient, child: str, *, parent: str, data_set: str, title: str, sha256: str
) -> None:
    """Make the model that was logged into a run a version, and an output of the whole run, once.

    Args:
        child: the run that it was logged into.
        parent: the run with its figures, which the version leads to.
        title: of the run folder.
        sha256: of the model.
    """
    model = logged_model(client, child)
    assert model
    outputs = client.get_run(parent).outputs
    there = outputs.model_outputs if outputs else []
    if model.model_id not in {each.model_id for each in there}:
        client.log_outputs(parent, [LoggedModelOutput(model.model_id, step=0)])
    name = f"mammograms-{data_set}"
    if not _has_name(client, name):
        try:
            client.create_registered_model(
                name,
                description=f"Patch probabilities, trained on {data_set}. The alias {CHAMPION} "
                "says which version to use; it moves by `make champion RUN=...` alone.",
            )
        except MlflowException:  # another run's upload may have made it this moment
            if not _has_name(client, name):
                raise
    source = f"models:/{model.model_id}"
    if not _versions(client, name, source):
        mlflow.set_tracking_uri(client.tracking_uri)  # where it looks for the model
        client.create_model_version(
            name,
            source,
            run_id=parent,
            model_id=model.model_id,
            tags={SHA: sha256, "run": title},
            description=f"Of {title}; report and model card are artifacts of its run.",
        )
    # The client repeats a request to which it gets no answer.
    for double in _versions(client, name, source)[1:]:
        client.delete_model_version(name, double)


def logged_model(client: MlflowClient, run_id: str) -> LoggedModel | None:
    """The model that was logged into a run, if it is whole; others of the run are taken away."""
    experiment = client.get_run(run_id).info.experiment_id
    models = client.search_logged_models([experiment], f"source_run_id = '{run_id}'")
    whole = next((each for each in models if each.status == LoggedModelStatus.READY), None)
    for other in models:
        if other is not whole:
            client.delete_logged_model(other.model_id)
    return whole


def make_champion(client: MlflowClient, run: RunFolder) -> str:
    """Give the alias to the evaluated model of a run; returns its figures beside those before.

    Raises:
        UserError: the model is not evaluated, or not registered.
    """
    sha256, judged = _judged(run)
    versions = client.search_model_versions(f"tags.{SHA} = '{sha256}'")
    if not versions:
        raise UserError(
            f"The model of {run.root} is not among the registered ones. make track RUN={run.root} "
            "sends it; the parts of a study are not registered."
        )
    version = max(versions, key=lambda found: int(found.version))
    before = _champion(client, version.name)
    figures = {title: figure_text(figure) for title, figure in first_figures(judged)}
    for title, text in figures.items():
        client.set_model_version_tag(version.name, version.version, title, text)
    client.set_registered_model_alias(version.name, CHAMPION, version.version)
    former = (f"version {before.version}", before.tags) if before else ("none", {})
    rows = [(title, former[1].get(title, ""), text) for title, text in figures.items()]
    heads = (version.name, f"before: {former[0]}", f"{CHAMPION}: version {version.version}")
    return aligned([heads, *rows])


def _has_name(client: MlflowClient, name: str) -> bool:
    return bool(client.search_registered_models(f"name = '{name}'"))


def _versions(client: MlflowClient, name: str, source: str) -> list[str]:
    """The numbers of the versions of a model that come from a logged one, the first one first."""
    found = client.search_model_versions(f"name = '{name}'")
    return sorted((v.version for v in found if v.source == source), key=int)


def _judged(run: RunFolder) -> tuple[str, dict]:
    """Checksum and figures of the model that was evaluated, or cross-validated."""
    again = f"RUN={shlex.quote(str(run.root))}"
    if run.metrics.is_file() and has_model(run.model):
        figures, sha256 = read_json(run.metrics), read_card(run.model).sha256
        if figures["model_sha256"] == sha256:
            return sha256, figures
        raise UserError(f"{run.metrics} judges another model. make evaluate {again} comes first.")
    if run.crossval.is_file() and has_model(run.folds.model):
        return read_card(run.folds.model).sha256, read_json(run.crossval)
    raise UserError(
        f"No model of {run.root} is evaluated, so nobody knows how good a champion it would be. "
        f"make evaluate {again} comes first."
    )


def _champion(client: MlflowClient, name: str) -> ModelVersion | None:
    number = client.get_registered_model(name).aliases.get(CHAMPION)
    return client.get_model_version(name, number) if number else None
