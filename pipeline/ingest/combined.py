"""Several data sets as one.

Each set goes through its own importer. What could clash has the set's name in front: mias-mdb001
for an image or a finding, mias/mias001 for a patient, mias/mdb001.pgm for a file.
"""

from dataclasses import replace

import pandas as pd

from pipeline.config import DataSettings
from pipeline.ingest.catalog import Catalog
from pipeline.ingest.data_sets import data_sets, wrapped_name
from pipeline.ingest.importers import Request
from pipeline.ingest.read_data_set import read_data_set
from pipeline.run.errors import UserError


def read(request: Request) -> Catalog:
    """Catalog of all sets of data.sets.

    `dataset` is the name that the user gave to the set, or else what its importer says.
    `spacing_mm` is that of the set where the importer knows none.

    Args:
        request: its files are those of all sets, each with the set's name as first folder.

    Raises:
        UserError: something about one of the sets; names it.
    """
    catalogs = []
    for name, data in data_sets(request.data).items():
        print(f"set {name}: importer {data.importer} in {data.root}", flush=True)
        try:
            catalog = read_data_set(_part(request, name, data))
        except UserError as error:
            raise UserError(f"Set {name} of data.sets: {error}") from error
        catalogs.append(_prefixed(catalog, name, data))
    return Catalog(
        images=_joined([c.images for c in catalogs], "image_id"),
        findings=_joined([c.findings for c in catalogs], "finding_id"),
        files=_joined([c.files for c in catalogs], "file"),
        split={patient: part for c in catalogs for patient, part in c.split.items()},
    )


def _part(request: Request, name: str, data: DataSettings) -> Request:
    """The request for one set, as if it were the only one."""
    folder = f"{name}/"
    return Request(
        data,
        request.phantom,
        tuple(
            replace(file, name=file.name.removeprefix(folder))
            for file in request.files
            if file.name.startswith(folder)
        ),
        request.wrapped.with_name(wrapped_name(name, data)),
    )


def _prefixed(catalog: Catalog, name: str, data: DataSettings) -> Catalog:
    images = catalog.images.assign(
        image_id=f"{name}-" + catalog.images["image_id"],
        patient_id=f"{name}/" + catalog.images["patient_id"],
        source=f"{name}/" + catalog.images["source"],
    )
    if name != data.importer:
        images["dataset"] = name
    if data.spacing_mm is not None:
        images["spacing_mm"] = images["spacing_mm"].fillna(data.spacing_mm)
    findings = catalog.findings.assign(
        finding_id=f"{name}-" + catalog.findings["finding_id"],
        image_id=f"{name}-" + catalog.findings["image_id"],
    )
    files = catalog.files.assign(file=f"{name}/" + catalog.files["file"])
    split = {f"{name}/{patient}": part for patient, part in catalog.split.items()}
    return Catalog(images, findings, files, split)


def _joined(tables: list[pd.DataFrame], key: str) -> pd.DataFrame:
    filled = [table for table in tables if len(table)] or tables[:1]
    return pd.concat(filled).sort_values(key, kind="stable", ignore_index=True)
