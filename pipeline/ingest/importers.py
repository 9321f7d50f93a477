"""The importers by name. A new data set is one file with `read`, one line here, one in config.

Importers are loaded when they are used, because each brings its own libraries.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipeline.config import DataSettings, PhantomSettings
from pipeline.ingest.listing import ListedFile

MODULES = {
    "phantom": "pipeline.ingest.phantom",
    "mias": "pipeline.ingest.mias",
    "dicom": "pipeline.ingest.dicom_folder",
    "cbis_ddsm": "pipeline.ingest.cbis_ddsm",
    "inbreast": "pipeline.ingest.inbreast",
    "vindr": "pipeline.ingest.vindr",
    "rsna": "pipeline.ingest.rsna",
    "ddsm": "pipeline.ingest.ddsm",
    "combined": "pipeline.ingest.combined",
}


@dataclass(frozen=True)
class Request:
    """What an importer gets. It returns a Catalog with one row of files for each of `files`."""

    data: DataSettings
    phantom: PhantomSettings
    files: tuple[ListedFile, ...]  # every regular file below data.root
    wrapped: Path  # folder for the DICOM files that an importer makes of other formats


def importer(name: str) -> Callable:
    """The function `read(request) -> Catalog` of an importer.

    The phantom writes its files itself, so it lists them itself: `read_phantom(data, phantom)`.
    """
    module = importlib.import_module(MODULES[name])
    if name == "phantom":
        return lambda request: module.read_phantom(request.data, request.phantom)
    return module.read
