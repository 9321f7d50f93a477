"""The card of a finished model: what it was made with and how its logits become probabilities."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from scipy import special

from pipeline.config import ImageSettings, LabelSettings, MapSettings
from pipeline.figures.calibration import Calibration, sigmoid
from pipeline.preprocess.positions import pitch_px
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder
from pipeline.run.settings import recall


@dataclass(frozen=True)
class ModelCard:
    """What model.json says that later stages need.

    Attributes:
        calibrated_on: whose positions the calibration was fitted on, where `make calibrate` did
            that after the training.
        members: number of networks whose mean the model is.
        trained_on: pixel hashes of the mammograms that trained it or chose its weights.
        level: `map_level` of a usual mammogram, see maps.level_share.
    """

    folder: Path
    image: ImageSettings
    labels: LabelSettings
    maps: MapSettings
    calibration: Calibration
    region_threshold: float
    sha256: str
    commit: str
    validation_lesions: int
    calibrated_on: Mapping = field(default_factory=dict)
    members: int = 1
    trained_on: Sequence[str] = ()
    level: float = 0.0

    @property
    def label_pitch_px(self) -> int:
        """Distance between positions of the patch table, in standard pixels."""
        return pitch_px(self.labels.pitch_mm, self.image.spacing_mm)

    @property
    def copies(self) -> int:
        """Number of maps whose mean a map is: mirrored copies times sizes times networks."""
        return self.maps.flips * len(self.maps.zooms) * self.members

    def with_prior(self, prior: float | None) -> "ModelCard":
        """The card with another prior in use; itself where that is None or its own.

        The region threshold stays at the network's logit where it was, so the regions are the
        same and their probabilities are not.
        """
        if prior is None or prior == self.calibration.natural_prior:
            return self
        calibration = replace(self.calibration, natural_prior=prior)
        at = self.calibration.trained_logit(special.logit(self.region_threshold))
        threshold = float(sigmoid(calibration.logit(at)))
        return replace(self, calibration=calibration, region_threshold=threshold)


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
        return ModelCard(
            folder=folder,
            image=ImageSettings.model_validate(card["image"]),
            labels=LabelSettings.model_validate(card["labels"]),
            maps=MapSettings.model_validate(card["maps"]),
            calibration=Calibration(**card["calibration"]),
            region_threshold=card["region_threshold"],
            sha256=card["sha256"],
            commit=card.get("commit", ""),
            validation_lesions=card.get("training", {}).get("validation", {}).get("lesions", 0),
            calibrated_on=card.get("calibrated_on", {}),
            members=card.get("network", {}).get("members", 1),
            trained_on=card.get("training", {}).get("pixel_hashes", ()),
            level=card["usual_level"] if card["maps"].get("level_share") else 0.0,
        )
    except KeyError as error:
        raise UserError(
            f"{path} lacks {error}: the training did not finish, or other code made it. "
            "Run make train FORCE=1."
        ) from error
