"""The parts of a model's card: its network, its training, the data behind it, who calibrated it."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from pipeline.config import MapSettings
from pipeline.config.backbones import known_backbone
from pipeline.model.calibration import Calibration

MOST_MEMBERS = MOST_KINDS = 1000
FILM = "film"
FILMS = {"mias", "ddsm", "cbis_ddsm"}  # the data sets of scanned films
PHANTOM = "phantom"  # the data set that a program draws


class CardPart(BaseModel):
    """A part of a card: frozen, and nothing in it that is not named here."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class NetworkCard(CardPart):
    """What has to be known to build the network; `models.network.NetworkSpec` explains it.

    A card that lacks a part is older than the choice, and what it means is the default.
    """

    backbone: Annotated[str, AfterValidator(known_backbone)]
    patch_px: int = Field(gt=0)
    width: int = Field(16, gt=0)
    dropout: float = Field(0.2, ge=0, lt=1)
    head: Literal["sigmoid", "softmax", "softmax_kinds", "sigmoid_kinds"] = "sigmoid"
    kinds: int = Field(0, ge=0, le=MOST_KINDS)
    members: int = Field(1, ge=1, le=MOST_MEMBERS)
    core_px: int = Field(0, ge=0)


class SplitCard(CardPart):
    """How much the training or the validation patients are."""

    patients: int = Field(ge=0)
    mammograms: int = Field(ge=0)
    lesions: int = Field(ge=0)
    positives: int = Field(ge=0)
    negatives: int = Field(ge=0)


class DataCard(CardPart):
    """What the mammograms were that trained the model or chose its weights."""

    # datasets, scanners: their names
    datasets: tuple[str, ...]
    scanners: tuple[str, ...] = ()
    # which of `film` and `digital` they were made with, as far as that is known
    detectors: tuple[str, ...] = ()

    @property
    def is_synthetic(self) -> bool:
        """Whether a program drew them all."""
        return set(self.datasets) == {PHANTOM}


class MemberCard(CardPart):
    """The training of one network of an ensemble."""

    best_step: int = Field(ge=0)
    validation_auc: float | None
    validation_loss: float | None
    left_out: tuple[str, ...] = ()  # as of a whole training


class SupportCard(CardPart):
    """How much a calibration rests on; `pipeline/model/fit.py` explains it."""

    patients: int = Field(ge=0)
    mammograms: int = Field(ge=0)
    lesions: int = Field(ge=0)
    # observed_over_expected, low, high: None where undefined
    observed_over_expected: float | None
    low: float | None
    high: float | None


class FoldCard(CardPart):
    """The model of one fold of a cross-validation, where the model is the mean of all."""

    sha256: str
    calibration: Calibration
    maps: MapSettings
    level: float


class TrainingCard(CardPart):
    """What the training was."""

    parameters: int = Field(ge=0)
    steps: int = Field(ge=0)
    crops: int = Field(ge=0)
    seconds: float = Field(ge=0)  # of all its sessions, and of all networks of an ensemble
    precision: str
    replicas: int = Field(ge=1)
    best_step: int | None = None  # after which the weights were chosen; None of an ensemble
    identity: dict[str, str] = {}  # checksums of everything that it depended on, by name
    validation_auc: float | None
    validation_loss: float | None
    validation_froc: float | None = None
    validation_lesions_with_candidate: float | None = None
    validation_median_rank: float | None = None
    members: tuple[MemberCard, ...] = ()
    folds: tuple[FoldCard, ...] = ()
    # train, validation: of an ensemble all women, where each network left out others
    train: SplitCard
    validation: SplitCard
    # what the mammograms were that trained the model or chose its weights; None in models older
    # than it
    data: DataCard | None = None
    pixel_hashes: tuple[str, ...] = ()  # of these mammograms
    left_out: tuple[str, ...] = ()  # those of them that a single network was not trained on

    @property
    def is_out_of_fold(self) -> bool:
        """Whether each network left out other women; those of older ensembles left out the same."""
        return any(member.left_out for member in self.members)

    def trained_on(self, number: int) -> set[str]:
        """Pixel hashes of the mammograms that network `number`, from 1, was trained on.

        Of a model older than `left_out` those that chose its weights are among them.
        """
        own = self.members[number - 1] if self.members else self
        return set(self.pixel_hashes) - set(own.left_out)


class SiteCard(CardPart):
    """Where the calibration of `make calibrate` comes from."""

    model: str
    model_sha256: str
    description_sha256: str
    datasets: tuple[str, ...]
    patients: int = Field(ge=0)
    mammograms: int = Field(ge=0)
    lesions: int = Field(ge=0)
    positions: int = Field(ge=0)
    positives: int = Field(ge=0)
    date: str
    commit: str
    calibration_before: Calibration
    region_threshold_before: float = Field(ge=0, le=1)
    pixel_hashes: tuple[str, ...]
