"""Settings of the ingest stage: which data set, where it lies, and the phantom."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from pipeline.config.section import Section

Importer = Literal[
    "phantom", "mias", "dicom", "cbis_ddsm", "inbreast", "vindr", "rsna", "ddsm", "combined"
]


class DataSettings(Section):
    """The data set. Paths are relative to the folder that make is started in."""

    importer: Importer = Field("phantom", description="which importer reads data.root")
    root: Path = Field(Path("data/phantom"), description="folder that holds the data set")
    limit: int | None = Field(None, ge=1, description="use only the first so many patients")
    spacing_mm: float | None = Field(
        None, gt=0, le=1, description="pixel spacing in mm of files that carry none"
    )
    findings: Path | None = Field(
        None,
        description="table of findings for importer dicom; findings.csv in data.root if absent",
    )
    split: Path | None = Field(
        None,
        description="table patient_id,split that fixes the split; split.csv in data.root if absent",
    )


class PhantomSettings(Section):
    """The synthetic mammograms that importer phantom writes into data.root."""

    patients: int = Field(48, ge=4, description="number of synthetic patients, four images each")
    seed: int = Field(1, ge=0, description="seed of the anatomy, the lesions and the noise")
    spacing_mm: float = Field(0.2, ge=0.05, le=0.4, description="detector pixel spacing in mm")
    abnormal_share: float = Field(0.5, ge=0, le=1, description="share of patients with a lesion")
    contrast: float = Field(
        1.0, gt=0, description="factor on the contrast of lesions and of what looks like them"
    )
