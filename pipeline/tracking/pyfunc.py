"""RUN/model as an MLflow model with a signature, loaded from code and never from a pickle."""

import tempfile
import warnings
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import mlflow
import numpy as np
from mlflow.entities import LoggedModelStatus
from mlflow.models import ModelSignature
from mlflow.tracking import MlflowClient
from mlflow.types import Schema, TensorSpec

from pipeline.model.card import read_card
from pipeline.tracking.model_code import copy_code

# The first name of each group that is installed; a name that is not would be imported to see.
NEEDS = (
    ("tensorflow", "tensorflow-cpu"),
    *(("safetensors",), ("pydantic",), ("PyYAML",), ("numpy",), ("scipy",)),
)
# Neither is wanted: the signature is given, and an example would load the network here.
KNOWN_WARNINGS = ".*(Add type hints to the `predict` method|An input example was not provided)"


def log_patch_model(folder: Path, *, run_id: str, uri: str) -> None:
    """Log the model folder into an MLflow run, once; what an interruption left goes before.

    Args:
        folder: a model folder.
        run_id: the run that gets it.
        uri: the tracking store.
    """
    if _is_logged(MlflowClient(uri), run_id):
        return
    side = read_card(folder).network.patch_px
    signature = ModelSignature(
        inputs=Schema([TensorSpec(np.dtype(np.float32), (-1, side, side), "patches")]),
        outputs=Schema([TensorSpec(np.dtype(np.float32), (-1,), "probability")]),
    )
    mlflow.set_tracking_uri(uri)
    with (
        tempfile.TemporaryDirectory() as code,
        mlflow.start_run(run_id=run_id),
        warnings.catch_warnings(),
    ):
        warnings.filterwarnings("ignore", KNOWN_WARNINGS, UserWarning)
        mlflow.pyfunc.log_model(
            name="model",
            python_model=str(Path(__file__).with_name("patch_model.py")),
            artifacts={"model": str(folder)},
            code_paths=[str(package) for package in copy_code(Path(code))],
            pip_requirements=[_requirement(names) for names in NEEDS],
            signature=signature,
        )


def _is_logged(client: MlflowClient, run_id: str) -> bool:
    """Whether the run has its model; one that was not finished is taken away."""
    experiment = client.get_run(run_id).info.experiment_id
    models = client.search_logged_models([experiment], f"source_run_id = '{run_id}'")
    for model in models:
        if model.status == LoggedModelStatus.READY:
            return True
        client.delete_logged_model(model.model_id)
    return False


def _requirement(names: tuple[str, ...]) -> str:
    for name in names:
        try:
            return f"{name}=={version(name)}"
        except PackageNotFoundError:
            continue
    raise PackageNotFoundError(names[0])
