"""Settings of the ingest stage: which data set, where it lies, and the phantom."""

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from pipeline.config.preprocess import Polarity, Window
from pipeline.config.section import Section

SingleImporter = Literal[
    "phantom", "mias", "dicom", "cbis_ddsm", "inbreast", "vindr", "rsna", "ddsm"
]
Importer = Literal[SingleImporter, "combined"]
# Importers of files that may be a hospital's own; the others read what is published.
_OF_HOSPITALS = ("dicom", "ddsm")


class SetSettings(Section):
    """One of the data sets that importer combined joins; as text importer:folder."""

    importer: SingleImporter = Field(description="which importer reads root")
    root: Path = Field(description="folder that holds the data set")
    name: str | None = Field(
        None,
        pattern=r"^[a-z][a-z0-9_]{0,19}$",
        description="goes before its ids and files; the importer's name if absent",
    )
    spacing_mm: float | None = Field(None, gt=0, le=1, description="as data.spacing_mm")
    findings: Path | None = Field(None, description="as data.findings")
    split: Path | None = Field(None, description="as data.split, with the set's own patient ids")
    window: Window | None = Field(None, description="in place of dicom.window")
    polarity: Polarity | None = Field(None, description="in place of dicom.polarity")
    prefer_lut: bool | None = Field(None, description="in place of dicom.prefer_lut")

    @property
    def prefix(self) -> str:
        """What the set is called in ids and files."""
        return self.name or self.importer

    @property
    def grey_values(self) -> dict:
        """What it says of its grey values, by the names in section dicom."""
        given = self.model_dump(include={"window", "polarity", "prefer_lut"})
        return {name: value for name, value in given.items() if value is not None}

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value):
        if not isinstance(value, str):
            return value
        front, _, root = value.partition(":")
        name, equals, importer = front.rpartition("=")
        if not root:
            raise ValueError(
                "must be importer:folder or name=importer:folder; a folder with a comma in its "
                "name is named in a CONFIG of your own, as in configs/combined.yaml"
            )
        return {"importer": importer, "root": root} | ({"name": name} if equals else {})


class DataSettings(Section):
    """The data set. Paths are relative to the folder that make is started in."""

    importer: Importer = Field("phantom", description="which importer reads data.root")
    root: Path = Field(
        Path("data/phantom"),
        description="folder that holds the data set; or a single file of it, or a list of its "
        "files: .txt with a path on each line, .csv with the column file; or s3://bucket/folder",
    )
    limit: int | None = Field(
        None, ge=1, description="use only the first so many patients, of each set of data.sets"
    )
    spacing_mm: float | None = Field(
        None, gt=0, le=1, description="pixel spacing in mm of files that carry none"
    )
    findings: Path | None = Field(
        None,
        description="table of findings for importer dicom, findings.csv in data.root if absent; "
        "for cbis_ddsm the folder of its tables",
    )
    split: Path | None = Field(
        None,
        description="table patient_id,split that fixes the split; split.csv in data.root if absent",
    )
    pseudonyms: bool = Field(
        True,
        description="keyed hashes in place of patient ids and of names of files and folders, for "
        "a hospital's own files: DICOM (importer dicom) and pictures (importer ddsm); false only "
        "where these names tell nothing",
    )
    sets: tuple[SetSettings, ...] = Field(
        (),
        description="for importer combined, in place of data.root: importer:folder or "
        "name=importer:folder, with commas between; in a CONFIG also spacing_mm, findings, split, "
        "and the set's own window, polarity and prefer_lut in place of those of dicom",
    )

    @property
    def has_secrets(self) -> bool:
        """Whether the paths in these settings, and names in the data, are to be pseudonyms."""
        importers = {self.importer, *(each.importer for each in self.sets)}
        return self.pseudonyms and not importers.isdisjoint(_OF_HOSPITALS)

    @field_validator("sets", mode="before")
    @classmethod
    def _one_or_none(cls, value):
        if isinstance(value, dict):
            raise ValueError("must be a list; on the command line importer:folder,importer:folder")
        return () if value is None else (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _sets_go_with_combined(self):
        if self.importer != "combined":
            if self.sets:
                raise ValueError("data.sets needs data.importer=combined")
            return self
        if not self.sets:
            raise ValueError(
                "data.importer=combined needs data.sets, such as "
                "data.sets=mias:path/to/mini-mias,inbreast:path/to/INbreast"
            )
        for name in ("root", "findings"):
            if getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(
                    f"data.{name}{' (INPUT)' if name == 'root' else ''} is not for "
                    "data.importer=combined, whose data.sets name their own; leave it out, or "
                    "take the CONFIG of a single data set and another RUN"
                )
        return self

    @model_validator(mode="after")
    def _sets_are_apart(self):
        names = [each.prefix for each in self.sets]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(
                f"data.sets has {twice[0]} more than once; name them, such as "
                f"first={twice[0]}:path/to/first,second={twice[0]}:path/to/second"
            )
        # CBIS-DDSM is a part of DDSM: one woman would be two patients.
        if {"cbis_ddsm", "ddsm"} <= {each.importer for each in self.sets} and not self.split:
            raise ValueError(
                "data.sets has cbis_ddsm and ddsm, which hold the same women under other names; "
                "take one of them, or fix the split with data.split"
            )
        return self


class PhantomSettings(Section):
    """The synthetic mammograms that importer phantom writes into data.root."""

    patients: int = Field(64, ge=4, description="number of synthetic patients, four images each")
    seed: int = Field(1, ge=0, description="seed of the anatomy, the lesions and the noise")
    spacing_mm: float = Field(0.2, ge=0.05, le=0.4, description="detector pixel spacing in mm")
    abnormal_share: float = Field(0.5, ge=0, le=1, description="share of patients with a lesion")
    contrast: float = Field(
        1.0, gt=0, description="factor on the contrast of lesions and of what looks like them"
    )
