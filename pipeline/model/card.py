"""model.json, the card of a finished model: what it was made with and what its logits mean.

It is read and written here and nowhere else. A setting that gets a new default, or a key whose
meaning changes, needs another FORMAT, so that no old model is read as what it is not.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field, PrivateAttr, ValidationError, model_validator
from scipy.special import expit, logit

from pipeline.config import ImageSettings, LabelSettings, MapSettings
from pipeline.model.calibration import Calibration
from pipeline.model.candidate_score import CandidateScore
from pipeline.model.card_parts import (
    FILM,
    FILMS,
    CardPart,
    DataCard,
    NetworkCard,
    SiteCard,
    SupportCard,
    TrainingCard,
)
from pipeline.model.map_rule import MapRule
from pipeline.run.atomic import write_json
from pipeline.run.errors import UserError, validation_text
from pipeline.run.layout import MODEL_FILE, RunFolder
from pipeline.run.settings import recall

FORMAT = 2
LARGEST_PATCH_MM = 500.0  # of which no detector is so large


class ModelCard(CardPart):
    """The content of model.json."""

    format: Literal[2] = 2
    network: NetworkCard
    kinds: tuple[str, ...] = ()  # names of the kinds of findings that the head tells apart
    image: ImageSettings
    labels: LabelSettings
    maps: MapSettings
    # `map_level` of a usual mammogram; needed where maps.level_share is not 0
    usual_level: float | None = None
    calibration: Calibration
    # how much the calibration rests on; None in models older than it
    support: SupportCard | None = None
    # what candidates are ranked by; None: by their calibrated lowered logits
    candidate_score: CandidateScore | None = None
    # probability, not capped, from which on an area of a map is a region
    region_threshold: float = Field(ge=0, le=1)
    region_threshold_source: str = ""
    training: TrainingCard
    # whose positions the calibration was fitted on, where `make calibrate` did that after the
    # training
    calibrated_on: SiteCard | None = None
    # commit, dirty: of the code that made the model; whether it differed from its commit
    commit: str
    dirty: bool = False
    recipe: int = Field(0, ge=0)  # RECIPE of the code that made the model; 0 where it is not known
    settings: dict[str, dict[str, Any]]  # all settings of the run, for readers
    sha256: str  # of the file of the weights

    _folder: Path | None = PrivateAttr(None)

    @model_validator(mode="after")
    def _knows_its_level(self) -> Self:
        if self.maps.level_share and self.usual_level is None:
            raise ValueError("lacks usual_level, which maps.level_share needs")
        return self

    @model_validator(mode="after")
    def _has_a_patch_of_a_mammogram(self) -> Self:
        if self.network.patch_px * self.image.spacing_mm > LARGEST_PATCH_MM:
            raise ValueError(
                f"network.patch_px: must be at most {LARGEST_PATCH_MM:g} mm at image.spacing_mm, "
                f"not {self.network.patch_px} px"
            )
        return self

    @property
    def was_read(self) -> bool:
        """Whether it has a folder."""
        return self._folder is not None

    @property
    def folder(self) -> Path:
        """Where it was read from: the folder of the weights too."""
        if self._folder is None:
            raise ValueError("this card was made and not read, so it has no folder")
        return self._folder

    @property
    def data(self) -> DataCard | None:
        """What the mammograms of the training were; of older models as far as settings tell it."""
        importer = self.settings.get("data", {}).get("importer", "combined")
        if self.training.data or importer == "combined":
            return self.training.data
        return DataCard(datasets=(importer,), detectors=tuple(FILM for _ in FILMS & {importer}))

    @property
    def level(self) -> float:
        """`map_level` of a usual mammogram; 0 where the maps need none."""
        return self.usual_level if self.maps.level_share and self.usual_level is not None else 0.0

    def map_rule(self, *, stride_px: int) -> MapRule:
        """The rule of its maps for its network, whose cells are `stride_px` apart."""
        return MapRule.from_settings(
            self.maps, self.image, self.labels, stride_px=stride_px, level=self.level
        )

    @property
    def threshold_logit(self) -> float:
        """The network's logit at the region threshold."""
        return float(self.calibration.trained_logit(logit(self.region_threshold)))

    @property
    def copies(self) -> int:
        """Number of maps whose mean a map is: mirrored copies times sizes times networks."""
        return self.maps.flips * len(self.maps.zooms) * self.network.members

    def with_prior(self, prior: float | None) -> "ModelCard":
        """The card with another prior in use; itself where that is None or its own.

        The region threshold stays at the network's logit where it was, so the regions are the
        same and their probabilities are not.
        """
        if prior is None or prior == self.calibration.natural_prior:
            return self
        calibration = self.calibration.with_prior(prior)
        threshold = float(expit(calibration.logit(np.array(self.threshold_logit))))
        changed = {
            "calibration": calibration,
            "candidate_score": self.score_at(calibration),
            "region_threshold": threshold,
        }
        return self.model_copy(update=changed)

    def score_at(self, calibration: Calibration) -> CandidateScore | None:
        """The score of candidates where positions are abnormal as often as `calibration` says.

        Candidates are then as much more or less often findings as positions are.
        """
        score = self.candidate_score
        if score is None:
            return None
        by = logit(calibration.natural_prior) - logit(self.calibration.natural_prior)
        return replace(score, intercept=float(score.intercept + by))

    def score(
        self, lowered: ArrayLike, *, highest: ArrayLike, other: ArrayLike
    ) -> dict[str, np.ndarray]:
        """What candidates are ranked by; the features are those of `CandidateScore.log_odds`.

        Returns:
            `score`: log odds, by the fitted score or as the calibrated lowered logit;
            `candidate_probability`: that of the fitted one, capped as that of places is, NaN
            without it. Of the shape of `lowered`.
        """
        if self.candidate_score is None:
            score = self.calibration.logit(np.asarray(lowered, np.float64))
            return {"score": score, "candidate_probability": np.full(score.shape, np.nan)}
        score = self.candidate_score.log_odds(lowered, highest=highest, other=other)
        shown = np.minimum(score, self.candidate_score.highest_log_odds)
        return {"score": score, "candidate_probability": expit(shown)}


def card_path(folder: Path) -> Path:
    """Where the card of a model folder is: it is written last, so it says that all is there."""
    return folder / MODEL_FILE


def has_model(folder: Path) -> bool:
    """Whether a folder holds a finished model."""
    return card_path(folder).is_file()


def read_card(folder: Path) -> ModelCard:
    """Read the card of a model folder.

    Raises:
        UserError: it is missing, is of another format, or a part is missing or wrong.
    """
    path = card_path(folder)
    if not path.is_file():
        raise UserError(f"{path} is missing: {folder} holds no finished model.")
    text = path.read_bytes()
    _check_format(path, text)
    try:
        card = ModelCard.model_validate_json(text, strict=True)
    except ValidationError as error:
        raise UserError(
            f"{path} is no whole model card: {validation_text(error)}. The training did not "
            "finish, or other code made it. Copy the model again, or run make train FORCE=1."
        ) from error
    card._folder = folder  # what was read cannot say where
    return card


def write_card(folder: Path, card: ModelCard) -> None:
    """Write the card of a model folder, atomically."""
    write_json(card_path(folder), card.model_dump(mode="json"))


def model_folder(run: RunFolder) -> Path:
    """The model that a run uses: its own, or the one that MODEL= named.

    Raises:
        UserError: there is no finished model in that place.
    """
    named = recall(run).model
    place = Path(named) if named else run.root
    if folder := find_model(place):
        return folder
    advice = "Name a run folder whose training finished." if named else "Run make train first."
    missing = RunFolder(place).model_file
    raise UserError(f"{missing} is missing: no finished model there. {advice}")


def find_model(place: Path) -> Path | None:
    """The model folder that a place is or, as a run folder, has; None where there is none."""
    return next(filter(has_model, (RunFolder(place).model, place)), None)


def named_model(place: Path) -> Path:
    """The model folder of the place that MODEL= names.

    Raises:
        UserError: there is no finished model in that place.
    """
    if folder := find_model(place):
        return folder
    raise UserError(
        f"MODEL={place} holds no finished model: {RunFolder(place).model_file} is missing. "
        "Name a run folder whose training finished."
    )


def _check_format(path: Path, text: bytes) -> None:
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError) as error:  # no UTF-8, a number of 5,000 digits
        raise UserError(f"{path} must be JSON: {error}. Copy the model again.") from error
    if not isinstance(tree, dict):
        raise UserError(f"{path} must hold names and values, not a {type(tree).__name__}.")
    if tree.get("format") != FORMAT:
        raise UserError(
            f"{path} is of format {tree.get('format')}, and this code reads format {FORMAT}. Use "
            "the code that made the model, or train it again: make train FORCE=1."
        )
