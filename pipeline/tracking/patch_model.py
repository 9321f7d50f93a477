"""The model as MLflow loads it: patches in, calibrated probabilities out.

The patches are cut from standardised mammograms, with grey values in [0, 1]. A patch by itself
knows nothing of its mammogram, so mirrored copies, smoothing and the mammogram's level, where maps
have them, are not in its probability.

This file is loaded alone, in a program of somebody else. It imports nothing of the project by a
name that the program, or another logged model in it, could have.
"""

import hashlib
import importlib
import sys
from pathlib import Path
from types import ModuleType

import mlflow
import numpy as np

CODE = Path(__file__).resolve().parent / "code"


class PatchProbability(mlflow.pyfunc.PythonModel):
    """Patches (N, P, P) float32 in [0, 1] -> probability (N,) float32."""

    def load_context(self, context) -> None:
        package = _own_package(CODE)
        model_folder = importlib.import_module(f"{package}.pipeline.model.folder")
        folder = Path(context.artifacts["model"])
        self._network = model_folder.load_network(folder)
        self._calibration = model_folder.read_card(folder).calibration

    def predict(self, context, model_input: np.ndarray, params=None):
        patches = model_input["patches"] if isinstance(model_input, dict) else model_input
        patches = np.asarray(patches, np.float32)[..., np.newaxis]  # (N, P, P, 1)
        logits = np.asarray(self._network(patches, training=False))[:, 0, 0]  # (N,)
        return self._calibration.probability(logits)


def _own_package(code: Path) -> str:
    """Make a package of the model's code, whose name no other code has; return the name."""
    content = hashlib.sha256()
    for path in sorted(code.rglob("*.py")):
        text = path.read_bytes()
        content.update(f"{path.relative_to(code).as_posix()} {len(text)}\n".encode() + text)
    name = f"mammo_patch_model_{content.hexdigest()[:16]}"
    package = sys.modules.setdefault(name, ModuleType(name))
    # Equal code is loaded once; what it imports later comes from a folder that is still there.
    package.__path__ = [str(code)]
    for module in [m for n, m in sys.modules.items() if n.startswith(f"{name}.")]:
        if hasattr(module, "__path__"):
            module.__path__ = [str(code.joinpath(*module.__name__.split(".")[1:]))]
    return name


# MLflow puts the code before all modules of the program, which may have some of the same names.
sys.path[:] = [entry for entry in sys.path if not entry or Path(entry).resolve() != CODE]
mlflow.models.set_model(PatchProbability())
