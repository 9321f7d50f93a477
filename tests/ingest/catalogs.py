"""The catalog of a small tree, as the stage would get it."""

from collections.abc import Callable
from pathlib import Path

from pipeline.config import DataSettings, PhantomSettings
from pipeline.ingest.catalog import Catalog, check_catalog
from pipeline.ingest.importers import Request
from pipeline.ingest.source_files import list_files


def catalog_of(
    read: Callable[[Request], Catalog], root: Path, wrapped: Path | None = None, **data
) -> Catalog:
    """The checked catalog that an importer's `read` makes of the files below `root`.

    Args:
        wrapped: folder for the DICOM files that are made of other formats.
        data: settings of the section `data`.
    """
    settings = DataSettings(root=root, **data)
    files = list_files(root).files
    catalog = read(Request(settings, PhantomSettings(), files, wrapped or root / "unused"))
    check_catalog(catalog)
    return catalog
