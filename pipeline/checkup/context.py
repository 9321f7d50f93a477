"""What a run knows of a file that is looked at alone."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pipeline.config import Settings
from pipeline.ingest.catalog import read_catalog
from pipeline.run.configure import joined
from pipeline.run.layout import RunFolder
from pipeline.run.settings import given_overrides


@dataclass(frozen=True)
class Known:
    """A file in the catalog of a run.

    Attributes:
        file: the DICOM file to read; another one where the data set's own is wrapped.
        image_id: "" where the run does not know the file.
        spacing_mm: where the data set names it.
    """

    file: Path
    image_id: str = ""
    spacing_mm: float | None = None


def settings_for(run: RunFolder, *, config: str, set_text: str, input_root: str = "") -> Settings:
    """The settings that a stage of the run would have; writes nothing.

    Raises:
        UserError: a wrong CONFIG or SET.
    """
    overrides = given_overrides(set_text, input_root=input_root)
    return joined(run, config=config, overrides=overrides)[0]


def known_file(run: RunFolder, path: Path, settings: Settings) -> Known:
    """Look a file up in the catalog, by its own path or that of the DICOM file made from it."""
    if not run.catalog.is_file():
        return Known(path)
    images = read_catalog(run).images
    for image in images.to_dict("records"):
        named = Path(image["file"]), settings.data.root / image["source"]
        if any(file.name == path.name and file.resolve() == path.resolve() for file in named):
            spacing = image["spacing_mm"]
            known = None if pd.isna(spacing) else float(spacing)
            return Known(named[0], image["image_id"], known)
    return Known(path)
