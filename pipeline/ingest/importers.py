"""The importers by name, and which data sets a run has. Loads no pandas.

A new data set is one file with `read`, one line here, one in config.
Importers are loaded when they are used, because each brings its own libraries.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.config import DataSettings, DicomSettings, PhantomSettings
from pipeline.ingest.source_files import SourceFile
from pipeline.run.errors import UserError

if TYPE_CHECKING:
    from pipeline.ingest.catalog import Catalog

MODULES = {
    "phantom": "pipeline.ingest.phantom.importer",
    "mias": "pipeline.ingest.mias",
    "dicom": "pipeline.ingest.dicom_folder",
    "cbis_ddsm": "pipeline.ingest.cbis_ddsm",
    "inbreast": "pipeline.ingest.inbreast",
    "vindr": "pipeline.ingest.vindr",
    "rsna": "pipeline.ingest.rsna",
    "ddsm": "pipeline.ingest.ddsm",
    "combined": "pipeline.ingest.combined",
}


Called = Callable[[str, str], str]


def as_it_is(kind: str, name: str) -> str:
    """The name itself, which is published."""
    return name


@dataclass(frozen=True)
class Request:
    """What an importer gets. It returns a Catalog with one row of files for each of `files`."""

    data: DataSettings
    phantom: PhantomSettings
    files: tuple[SourceFile, ...]  # every regular file below data.root
    wrapped: Path  # folder for the DICOM files that an importer makes of other formats
    limits: DicomSettings | None = None  # of the processes that read headers; None: in this one
    # What a name of a kind (patient, image, ...) is called outside the raw folder.
    called: Called = as_it_is

    @cached_property
    def nearest(self) -> dict[str, SourceFile]:
        """Of the files with the same name, that in the fewest folders; by name in lower case."""
        nearest_first = sorted(self.files, key=lambda f: (f.name.count("/"), f.name))
        return {file.path.name.lower(): file for file in reversed(nearest_first)}

    def table(self, name: str, advice: str) -> SourceFile:
        """The file of that name nearest to the root, whatever its capitals.

        Raises:
            UserError: there is none; `advice` says what to do.
        """
        if name.lower() not in self.nearest:
            raise UserError(
                f"data.root={self.data.root} has no {name}. {advice}, or set data.importer."
            )
        return self.nearest[name.lower()]


def importer(name: str) -> Callable[[Request], "Catalog"]:
    """The function `read(request) -> Catalog` of an importer."""
    return importlib.import_module(MODULES[name]).read


def data_sets(data: DataSettings) -> dict[str, DataSettings]:
    """The settings of each data set by its name, which is "" where there is only one.

    Of several, each has the spacing, the tables and the limit that it would have alone;
    data.split is about all of them together and in none.
    """
    if data.importer != "combined":
        return {"": data}
    return {
        each.prefix: DataSettings(
            importer=each.importer,
            root=each.root,
            limit=data.limit,
            spacing_mm=each.spacing_mm or data.spacing_mm,
            findings=each.findings,
            split=each.split,
            pseudonyms=data.pseudonyms,
        )
        for each in data.sets
    }


def split_file(data: DataSettings) -> Path | None:
    """The file of `data.split`, or split.csv in data.root if there is one.

    Raises:
        UserError: data.split names a file that does not exist.
    """
    if data.split is not None:
        if not data.split.is_file():
            raise UserError(f"data.split={data.split} is no file. Give a CSV of patient_id,split.")
        return data.split
    if data.importer == "combined":  # which has no root; each set may have its own table
        return None
    own = data.root / "split.csv"
    return own if own.is_file() else None
