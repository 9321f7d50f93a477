"""RUN/model as an MLflow model: signature, example, and code in place of a pickle."""

import base64
import contextlib
import warnings
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.models import Model, ModelSignature
from mlflow.tracking import MlflowClient
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema
from mlflow.types.schema import Array, Object, Property

from pipeline.config import PhantomSettings
from pipeline.heatmap import answers
from pipeline.ingest.phantom.writer import write_example
from pipeline.run.scratch import scratch_folder
from pipeline.tracking.model_code import copy_code
from pipeline.tracking.model_registry import logged_model

# The first name of each group that is installed; a name that is not would be imported to see.
NEEDS = (
    ("tensorflow", "tensorflow-cpu"),
    ("opencv-python-headless", "opencv-python"),
    *(("safetensors",), ("pydantic",), ("PyYAML",), ("numpy",), ("scipy",), ("pandas",)),
    *(("pydicom",), ("imagecodecs",), ("blosc2",), ("pyarrow",), ("rich",)),
    *(("scikit-image",), ("scikit-learn",)),
)
# Type hints are not wanted, for the signature is given; the other is about MLflow's own code.
KNOWN_WARNINGS = ".*Add type hints to the `predict` method|Operation with range is deprecated"
# The drawn mammogram of the example: coarse, so that it is small.
EXAMPLE = PhantomSettings(spacing_mm=0.4)


def log_model(folder: Path, *, run_id: str, uri: str) -> None:
    """Log the model folder into an MLflow run, once; what an interruption left goes before.

    Args:
        folder: a model folder.
        run_id: the run that gets it.
        uri: the tracking store.
    """
    if logged_model(MlflowClient(uri), run_id):
        return
    mlflow.set_tracking_uri(uri)
    with mlflow.start_run(run_id=run_id), _parts(folder) as parts:
        Model.log(None, _Pyfunc, name="model", validate_serving_input=False, **parts)


class _Pyfunc:
    """As `mlflow.pyfunc`, which would load the model to try the example: TensorFlow, a GB in all.

    `Model.log` also hands on that it shall not.
    """

    @staticmethod
    def save_model(*, validate_serving_input: bool, **parts: Any) -> None:
        assert not validate_serving_input
        mlflow.pyfunc.save_model(**parts)


def save_model(folder: Path, place: Path) -> None:
    """Write the model folder as an MLflow model into `place`, which must not be there."""
    with _parts(folder) as parts:
        mlflow.pyfunc.save_model(path=place, **parts)


@contextlib.contextmanager
def _parts(folder: Path) -> Iterator[dict[str, Any]]:
    """What an MLflow model is made of."""
    with scratch_folder() as scratch, warnings.catch_warnings():
        warnings.filterwarnings("ignore", KNOWN_WARNINGS)
        yield {
            "python_model": str(Path(__file__).with_name("mammogram_model.py")),
            "artifacts": {"model": str(folder)},
            "code_paths": [str(package) for package in copy_code(scratch / "code")],
            "pip_requirements": [_requirement(names) for names in NEEDS],
            "signature": signature(),
            "input_example": pd.DataFrame({"file": [example_file(scratch)]}),
        }


def signature() -> ModelSignature:
    """Of files in, without a name so that a list is one column too, and of answers out."""
    texts = [ColSpec(DataType.string, name) for name in answers.TEXTS]
    numbers = [ColSpec(_type_of(n), n, required=False) for n in answers.NUMBERS]
    tables = [
        ColSpec(Array(Object([Property(n, _type_of(n), required=False) for n in columns])), name)
        for name, columns in answers.TABLES.items()
    ]
    row, rows = Array(DataType.double), Array(Array(DataType.double))
    parts = [Property(name, rows if axes == 2 else row) for name, axes in answers.MAP.items()]
    return ModelSignature(
        inputs=Schema([ColSpec(DataType.string)]),
        outputs=Schema([*texts, *numbers, *tables, ColSpec(Object(parts), "map", required=False)]),
        params=ParamSchema(
            [
                ParamSpec("with_map", DataType.boolean, False),
                ParamSpec("spacing_mm", DataType.double, 0.0),  # of files that have none
            ]
        ),
    )


def example_file(scratch: Path) -> str:
    """A drawn mammogram as DICOM, in base64."""
    return base64.b64encode(write_example(scratch, EXAMPLE).read_bytes()).decode()


def _type_of(column: str) -> DataType:
    return DataType.long if column in answers.INTEGERS else DataType.double


def _requirement(names: tuple[str, ...]) -> str:
    for name in names:
        try:
            return f"{name}=={version(name)}"
        except PackageNotFoundError:
            continue
    raise PackageNotFoundError(names[0])
