"""The model as MLflow loads it: DICOM files in, regions with calibrated probabilities out.

This file is loaded alone, in a program of somebody else. It imports nothing of the project by a
name that the program, or another logged model in it, could have.
"""

import hashlib
import importlib
import os
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import mlflow
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE

CODE = Path(__file__).resolve().parent / "code"
TILE_PX = 2048  # the default of heatmap.tile_px; tiles change no number


class Refusal(MlflowException):
    """Status 400 and a sentence, before which MLflow's server would put the whole request."""

    def __init__(self, sentence: str) -> None:
        self._sentence = sentence
        super().__init__(sentence, error_code=INVALID_PARAMETER_VALUE)

    @property
    def message(self) -> str:
        return self._sentence

    @message.setter
    def message(self, _: str) -> None:
        """Files of megabytes are not sent back."""


class MammogramModel(mlflow.pyfunc.PythonModel):
    """A column of DICOM files -> an answer for each, see pipeline/heatmap/answers.py."""

    def load_context(self, context) -> None:
        package = _own_package(CODE)
        folder = Path(context.artifacts["model"])
        of_model = importlib.import_module(f"{package}.pipeline.model.folder")
        self._card = of_model.read_card(folder)
        self._mapper = of_model.network_mapper(folder, TILE_PX)
        self._answers = importlib.import_module(f"{package}.pipeline.heatmap.answers")
        self._one_at_a_time = threading.Lock()

    def predict(self, context, model_input: pd.DataFrame, params=None) -> list[dict[str, Any]]:
        """Answers for the files of the first column, in their order.

        Raises:
            Refusal: none of them is a mammogram that can be used; says why of each.
        """
        items = model_input.iloc[:, 0].tolist()
        options = params or {}
        try:
            with self._one_at_a_time:
                answers = self._answers.answers(
                    items,
                    self._card,
                    self._mapper,
                    with_map=options.get("with_map", False),
                    spacing_mm=options.get("spacing_mm") or None,
                    # MLflow's server sets it: what asks there may be a program of elsewhere.
                    take_paths=not os.environ.get("_MLFLOW_IS_IN_SERVING_ENVIRONMENT"),
                )
        except self._answers.UserError as error:
            raise Refusal(str(error)) from error
        if not any(map(self._answers.is_used, answers)):
            said = [f"file {n}: {a['decision']}: {a['reason']}" for n, a in enumerate(answers, 1)]
            reasons = "; ".join(said) or "there is no file"
            raise Refusal(f"No mammogram to map: {reasons}")
        return answers


def _own_package(code: Path) -> str:
    """Make a package of the model's code, whose name no other code has; return the name."""
    content = hashlib.sha256()
    for path in sorted(code.rglob("*.py")):
        text = path.read_bytes()
        content.update(f"{path.relative_to(code).as_posix()} {len(text)}\n".encode() + text)
    name = f"mammogram_model_{content.hexdigest()[:16]}"
    package = sys.modules.setdefault(name, ModuleType(name))
    # Equal code is loaded once; what it imports later comes from a folder that is still there.
    package.__path__ = [str(code)]
    for module in [m for n, m in sys.modules.items() if n.startswith(f"{name}.")]:
        if hasattr(module, "__path__"):
            module.__path__ = [str(code.joinpath(*module.__name__.split(".")[1:]))]
    return name


# MLflow puts the code before all modules of the program, which may have some of the same names.
sys.path[:] = [entry for entry in sys.path if not entry or Path(entry).resolve() != CODE]
mlflow.models.set_model(MammogramModel())
