"""Settings of the preprocess stage: reading, standardising, splitting, labelling."""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from pipeline.config.section import Section

Window = Literal["auto", "always", "never"]
Polarity = Literal["auto", "header", "reversed"]


class StoreSettings(Section):
    """Where standardised mammograms are kept, shared by all runs."""

    root: Path = Field(
        Path("data/store"),
        description="folder of the standardised mammograms; or s3://bucket/folder",
    )


class DicomSettings(Section):
    """Which files count as mammograms and how they are decoded."""

    modalities: tuple[str, ...] | Literal["any"] = Field(
        ("MG",), description="Modality (0008,0060) values that are read, or any"
    )
    views: tuple[str, ...] | Literal["any"] = Field(
        ("CC", "MLO"),
        description="views that are read, whole breasts only, or any; unknown views are read",
    )
    for_processing: bool = Field(
        False, description="also read images with Presentation Intent FOR PROCESSING"
    )
    frames: Literal["skip", "first", "middle"] = Field(
        "skip", description="files with several frames: left out, or the one frame that is read"
    )
    prefer_lut: bool = Field(
        True,
        description="take the first VOI LUT where a window is there as well; false: the window",
    )
    trust: tuple[Literal["values", "pixel_representation"], ...] = Field(
        (),
        description="what is right where a file contradicts itself, else it fails: values (over "
        "Bits Stored), pixel_representation (over the sign of a JPEG 2000 stream)",
    )
    window: Window = Field(
        "auto",
        description="window or VOI LUT of the file: auto leaves out one that makes most of the "
        "breast black or white",
    )
    polarity: Polarity = Field(
        "auto",
        description="what is bright: auto goes by the header unless the breast is clearly a "
        "negative, reversed against the header",
    )
    doubtful_breast: Literal["leave_out", "use"] = Field(
        "leave_out",
        description="mammograms of which a part of the breast may not have been found: they count "
        "as failed, or are used with the doubt",
    )
    max_megapixels: int = Field(
        150, ge=1, description="larger images fail before they are decoded, in 10^6 pixels"
    )
    decode_seconds: int = Field(120, ge=1, description="time limit for one file, in s")
    decode_mib: int = Field(4096, ge=512, description="memory limit for one worker, in MiB")
    max_lost_share: float = Field(
        0.05, ge=0, le=1, description="stop when more than this share of the mammograms failed"
    )
    workers: int | None = Field(
        None,
        ge=0,
        description="worker processes; all cores if absent, 0 for none: no limits then",
    )


class ImageSettings(Section):
    """The standard form of a mammogram. A change makes new entries in the store."""

    spacing_mm: float = Field(
        0.1, ge=0.05, le=1, description="pixel spacing after resampling, in mm"
    )
    low_percentile: float = Field(
        0.5, ge=0, le=50, description="grey value inside the breast that becomes black, in %"
    )
    high_percentile: float = Field(
        99.8, ge=50, le=100, description="grey value inside the breast that becomes white, in %"
    )
    remove_pectoral: bool = Field(False, description="leave the pectoral muscle out of MLO views")


class LabelSettings(Section):
    """What the probability means: which positions are positive, ignored, negative."""

    kinds: tuple[str, ...] | Literal["all"] = Field(
        "all", description="kinds of findings that count as abnormal"
    )
    positive: tuple[str, ...] | Literal["all"] = Field(
        "all", description="pathologies of findings that count as abnormal"
    )
    min_radius_mm: float = Field(
        4.0, ge=0, description="radius that a finding counts as having at least, in mm"
    )
    circle_share: float = Field(
        0.8, gt=0, le=1, description="share of an annotated circle's radius that is positive"
    )
    ignore_mm: float = Field(
        9.6, ge=0, description="negatives keep at least this distance from any outline, in mm"
    )
    pitch_mm: float = Field(3.2, gt=0, description="distance between labelled positions, in mm")

    def pitch_px(self, *, spacing_mm: float) -> int:
        """Distance between positions of the patch table in whole pixels, at least 1."""
        return max(1, round(self.pitch_mm / spacing_mm))


class SplitSettings(Section):
    """Patients are split by a hash of their id, separately with and without findings."""

    test: float = Field(0.25, ge=0, le=1, description="share of patients held out for the test")
    validation: float = Field(
        0.15, ge=0, le=1, description="share of patients for validation, where train.members is 1"
    )
    seed: int = Field(0, ge=0, description="seed of the split")
    use_hints: bool = Field(True, description="keep the data set's own split where it has one")
    folds: int | None = Field(
        None,
        ge=2,
        description="parts of a cross-validation, which uses neither split.test nor a given split",
    )
    fold: int | None = Field(
        None, ge=1, description="the part that is the test, from 1; make crossval sets it"
    )

    @model_validator(mode="after")
    def _shares_leave_room(self):
        total = self.test + self.validation
        if total > 1:
            raise ValueError(f"split.test + split.validation must be at most 1, not {total}")
        return self

    @model_validator(mode="after")
    def _fold_is_one_of_folds(self):
        if (self.folds is None) is not (self.fold is None):
            raise ValueError("split.folds and split.fold go together")
        if self.folds and self.fold and self.fold > self.folds:
            raise ValueError(f"split.fold must be at most split.folds={self.folds}")
        return self
