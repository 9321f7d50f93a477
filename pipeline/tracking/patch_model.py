"""The model as MLflow loads it: patches in, calibrated probabilities out.

The patches are cut from standardised mammograms, with grey values in [0, 1]. A patch by itself
knows nothing of its mammogram, so mirrored copies, smoothing and the mammogram's level, where maps
have them, are not in its probability.
"""

from pathlib import Path

import mlflow
import numpy as np


class PatchProbability(mlflow.pyfunc.PythonModel):
    """Patches (N, P, P) float32 in [0, 1] -> probability (N,) float32."""

    def load_context(self, context) -> None:
        from pipeline.model.card import read_card
        from pipeline.model.folder import load_network

        folder = Path(context.artifacts["model"])
        self._network = load_network(folder)
        self._calibration = read_card(folder).calibration

    def predict(self, context, model_input: np.ndarray, params=None):
        patches = model_input["patches"] if isinstance(model_input, dict) else model_input
        patches = np.asarray(patches, np.float32)[..., np.newaxis]  # (N, P, P, 1)
        logits = np.asarray(self._network(patches, training=False))[:, 0, 0]  # (N,)
        return self._calibration.probability(logits)


mlflow.models.set_model(PatchProbability())
