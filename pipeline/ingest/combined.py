"""Several data sets as one.

Each set goes through its own importer. What could clash has the set's name in front: mias-mdb001
for an image or a finding, mias/mias001 for a patient, mias/mdb001.pgm for a file.
"""

from dataclasses import replace

import pandas as pd

from pipeline.config import DataSettings
from pipeline.ingest.catalog import Catalog
from pipeline.ingest.importers import Request, data_sets
from pipeline.ingest.read_data_set import read_data_set
from pipeline.run.errors import UserError

# What stands between the name of a set and the value, by table and column; the first sorts it.
_BETWEEN = {
    "images": {"image_id": "-", "patient_id": "/", "source": "/"},
    "findings": {"finding_id": "-", "image_id": "-"},
    "files": {"file": "/"},
}


def read(request: Request) -> Catalog:
    """Catalog of all sets of data.sets.

    `dataset` is the name that the user gave to the set, or else what its importer says.
    `spacing_mm` is that of the set where the importer knows none.

    Args:
        request: its files are those of all sets, each with the set's name as first folder.

    Raises:
        UserError: something about one of the sets; names it.
    """
    tables: dict[str, list[pd.DataFrame]] = {name: [] for name in _BETWEEN}
    split: dict[str, str] = {}
    notes: list[str] = []
    of_hospital: list[str] = []
    for name, data in data_sets(request.data).items():
        print(f"set {name}: importer {data.importer} in {data.root}", flush=True)
        try:
            catalog = read_data_set(_part(request, name, data))
        except UserError as error:
            raise UserError(f"Set {name} of data.sets: {error}") from error
        images = catalog.images
        if name != data.importer:
            images["dataset"] = name
        if data.spacing_mm is not None:
            images["spacing_mm"] = images["spacing_mm"].fillna(data.spacing_mm)
        split |= {f"{name}/{patient}": part for patient, part in catalog.split.items()}
        notes += [f"set {name}: {note}" for note in catalog.notes]
        of_hospital += [f"{name}/{front}" for front in catalog.of_hospital]
        for kind, columns in _BETWEEN.items():
            table = getattr(catalog, kind)
            named = {column: f"{name}{sign}" + table[column] for column, sign in columns.items()}
            tables[kind].append(table.assign(**named))
    joined = {kind: _joined(kind, each) for kind, each in tables.items()}
    return Catalog(**joined, split=split, notes=tuple(notes), of_hospital=tuple(of_hospital))


def _part(request: Request, name: str, data: DataSettings) -> Request:
    """The request for one set, as if it were the only one.

    A set under the name of its importer shares the DICOM files that are made of its own format
    with the runs that read that set alone.
    """
    front = f"{name}/"
    files = tuple(
        replace(file, name=file.name.removeprefix(front))
        for file in request.files
        if file.name.startswith(front)
    )
    folder = data.importer if name == data.importer else f"{data.importer}-{name}"
    return replace(request, data=data, files=files, wrapped=request.wrapped.with_name(folder))


def _joined(kind: str, tables: list[pd.DataFrame]) -> pd.DataFrame:
    filled = [table for table in tables if len(table)] or tables[:1]
    key = next(iter(_BETWEEN[kind]))
    return pd.concat(filled).sort_values(key, kind="stable", ignore_index=True)
