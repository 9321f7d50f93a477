"""The card of a finished model: what it was made with and how its logits become probabilities."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.config import ImageSettings, LabelSettings
from pipeline.metrics.calibration import calibrated_logit, sigmoid
from pipeline.preprocess.positions import pitch_px
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder
from pipeline.run.settings import recall


@dataclass(frozen=True)
class Calibration:
    """From the logit of training to a probability at the natural prior."""

    training_prior: float
    natural_prior: float
    temperature: float

    def probability(self, logit: np.ndarray) -> np.ndarray:
        """Probability of each logit; any shape, NaN stays NaN, float32."""
        corrected = calibrated_logit(
            np.asarray(logit, np.float32),
            training_prior=self.training_prior,
            natural_prior=self.natural_prior,
            temperature=self.temperature,
        )
        return np.asarray(sigmoid(corrected), np.float32)


@dataclass(frozen=True)
class ModelCard:
    """What model.json says that later stages need."""

    folder: Path
    image: ImageSettings
    labels: LabelSettings
    calibration: Calibration
    region_threshold: float
    sha256: str
    commit: str

    @property
    def label_pitch_px(self) -> int:
        """Distance between positions of the patch table, in standard pixels."""
        return pitch_px(self.labels.pitch_mm, self.image.spacing_mm)


def model_folder(run: RunFolder) -> Path:
    """The model that a run uses: its own, or the one that MODEL= named.

    Raises:
        UserError: there is no finished model in that place.
    """
    named = recall(run).model
    places = [RunFolder(Path(named)).model, Path(named)] if named else [run.model]
    for folder in places:
        if (folder / "model.json").is_file():
            return folder
    advice = "Name a run folder whose training finished." if named else "Run make train first."
    raise UserError(f"{places[0] / 'model.json'} is missing: no finished model there. {advice}")


def read_model_card(folder: Path) -> ModelCard:
    """Read model.json of a model folder.

    Raises:
        UserError: a part is missing.
    """
    path = folder / "model.json"
    card = json.loads(path.read_text(encoding="utf-8"))
    try:
        calibration = card["calibration"]
        return ModelCard(
            folder=folder,
            image=ImageSettings.model_validate(card["image"]),
            labels=LabelSettings.model_validate(card["labels"]),
            calibration=Calibration(
                training_prior=calibration["training_prior"],
                natural_prior=calibration["natural_prior"],
                temperature=calibration["temperature"],
            ),
            region_threshold=card["region_threshold"],
            sha256=card["sha256"],
            commit=card.get("commit", ""),
        )
    except KeyError as error:
        raise UserError(
            f"{path} lacks {error}: the training did not finish. Run make train again."
        ) from error
