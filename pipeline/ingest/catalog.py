"""The catalog: one form for every data set, as three or four tables and a summary.

catalog/images.csv    one row for each image that the reader shall try
catalog/findings.csv  one row for each finding, with or without an outline
catalog/files.csv     one row for every regular file below data.root
catalog/split.csv     patient_id and split, where the user has a table of his own
catalog/catalog.json  counts, notes, checksums of the tables, fingerprint of the source
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from pipeline.annotations.coordinates import coordinates_problem
from pipeline.ingest.notes import some
from pipeline.run.atomic import json_text, read_json, write_text_if_changed
from pipeline.run.csv_tables import csv_text, read_csv_table
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder

COMMAND = "make ingest"

# Ids become names of files, so they hold no separators and do not hide.
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$")]
Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]
Text = Annotated[str, Field(min_length=1)]


_STRICT = ConfigDict(extra="forbid", strict=True)


class _Row(BaseModel):
    """A row of a table; what a row does not name has the default."""

    model_config = _STRICT


class ImageRow(_Row):
    """An image that the reader shall try."""

    image_id: Id
    patient_id: Text
    laterality: Literal["L", "R", ""] = ""
    view: Annotated[str, Field(pattern=r"^[A-Z]*$")] = ""  # CC, MLO, ... or ""
    # The DICOM file to read: absolute, or relative to the working folder; or its pseudonym.
    file: Text
    source: Text  # the user's file, relative to data.root; a row of files.csv
    dataset: Word
    spacing_mm: Annotated[float, Field(ge=0.001, le=2)] | None = None  # where the importer knows it
    # By the data set's own split; blank where the user has one.
    split_hint: Literal["train", "validation", "test", ""] = ""
    outcome: Literal["abnormal", "normal", "unknown"] = "unknown"
    # yes: every abnormality of the image is outlined; no: the rest is no negative
    complete: Literal["yes", "no"] = "yes"
    density: str = ""
    site: str = ""  # hospital or other origin, where the data set names it
    scanner: str = ""  # where the data set names it; else the file says


class FindingRow(_Row):
    """Something that was found on an image."""

    finding_id: Id
    image_id: str
    kind: Word
    pathology: Word
    geometry: Literal["circle", "box", "polygon", "mask", "none"] = "none"
    coordinates: str = "{}"  # JSON, (row, col) in pixels of the DICOM image
    note: str = ""  # what is special about it, in words


class FileRow(_Row):
    """What became of a file below data.root."""

    file: Text  # relative to data.root, with forward slashes
    status: Literal["candidate", "skipped", "failed"]
    reason: str = ""
    bytes: Annotated[int, Field(ge=0)]


# The rows of each table, and the columns in which no value occurs twice; the first one sorts it.
_TABLES: dict[str, tuple[type[_Row], tuple[str, ...]]] = {
    "images": (ImageRow, ("image_id", "source")),
    "findings": (FindingRow, ("finding_id",)),
    "files": (FileRow, ("file",)),
}
_NUMBERS = {"spacing_mm": "float64", "bytes": "int64"}


@dataclass(frozen=True)
class Catalog:
    """Images, findings and files of a data set, in the columns above."""

    images: pd.DataFrame
    findings: pd.DataFrame
    files: pd.DataFrame
    # The user's own split by patient id; that of the data set is `split_hint`.
    split: dict[str, str] = field(default_factory=dict)
    # What is to be known of the whole set, in sentences without full stop.
    notes: tuple[str, ...] = ()
    # Pairs of patient ids that may be of one woman, each with why.
    alike: tuple[tuple[str, str, str], ...] = ()
    # How `source` of the images begins that are a hospital's own; "" for all.
    of_hospital: tuple[str, ...] = ()


def make_catalog(
    images: Iterable[dict], findings: Iterable[dict], files: Iterable[dict]
) -> Catalog:
    """Tables with all columns in order, sorted by id; what a row does not name has its default."""
    return Catalog(_table("images", images), _table("findings", findings), _table("files", files))


def check_catalog(catalog: Catalog) -> None:
    """Check the tables, and that they fit each other.

    Raises:
        UserError: names the table and the first rows that are wrong.
    """
    for name in _TABLES:
        if problems := _problems(name, getattr(catalog, name)):
            raise UserError(f"The catalog's table of {name} is wrong: {some(problems, '; ')}.")
    images, findings, files = catalog.images, catalog.findings, catalog.files
    if strangers := set(findings["image_id"]) - set(images["image_id"]):
        raise UserError(f"Findings name images that do not exist: {some(sorted(strangers))}.")
    is_candidate = files["status"] == "candidate"
    if apart := set(images["source"]) ^ set(files.loc[is_candidate, "file"]):
        raise UserError(
            "Every candidate file must have one image and every image one candidate file, not: "
            f"{some(sorted(apart))}."
        )
    silent = files.loc[~is_candidate & (files["reason"] == ""), "file"]
    if len(silent):
        raise UserError(f"A file that is no candidate must have a reason: {some(sorted(silent))}.")
    for row in findings.drop_duplicates(["geometry", "coordinates"]).itertuples():
        if problem := coordinates_problem(row.geometry, row.coordinates):
            raise UserError(f"The finding {row.finding_id} of image {row.image_id}: {problem}.")


def write_catalog(
    run: RunFolder,
    catalog: Catalog,
    *,
    importer: str,
    root: str,
    fingerprint: str,
    key_check: str = "",
) -> bool:
    """Write the tables, then catalog.json; each only if its content changed.

    Args:
        importer, root: where it comes from, for people.
        fingerprint: of the files and settings that it was made of.
        key_check: of the key, where there are pseudonyms in it.

    Returns:
        True when catalog.json was rewritten, which makes the later stages run.
    """
    tables = {
        run.images_table: csv_text(catalog.images),
        run.findings_table: csv_text(catalog.findings),
        run.files_table: csv_text(catalog.files),
    }
    if not catalog.split:
        run.split_table.unlink(missing_ok=True)
    else:
        rows = sorted(catalog.split.items())
        tables[run.split_table] = csv_text(pd.DataFrame(rows, columns=["patient_id", "split"]))
    for path, text in tables.items():
        write_text_if_changed(path, text)
    content = {
        "importer": importer,
        "root": root,
        "images": len(catalog.images),
        "findings": len(catalog.findings),
        "without_place": int((catalog.findings["geometry"] == "none").sum()),
        "patients": int(catalog.images["patient_id"].nunique()),
        "files": len(catalog.files),
        "tables": {path.name: hashlib.sha256(t.encode()).hexdigest() for path, t in tables.items()},
        "fingerprint": fingerprint,
    }
    if key_check:
        content["pseudonyms"] = key_check
    if catalog.notes:
        content["notes"] = list(catalog.notes)
    return write_text_if_changed(run.catalog, json_text(content))


def read_catalog(run: RunFolder) -> Catalog:
    """The catalog of a run; ids and names are text, blanks are "" and not missing."""
    split = {}
    if run.split_table.is_file():
        table = read_csv_table(run.split_table, written_by=COMMAND)
        split = dict(zip(table["patient_id"], table["split"], strict=True))
    return Catalog(
        images=read_csv_table(run.images_table, {"spacing_mm": "float64"}, written_by=COMMAND),
        findings=read_csv_table(run.findings_table, written_by=COMMAND),
        files=read_csv_table(run.files_table, {"bytes": "int64"}, written_by=COMMAND),
        split=split,
        notes=tuple((read_json(run.catalog) or {}).get("notes", ())),
    )


def _table(name: str, rows: Iterable[dict]) -> pd.DataFrame:
    row_type, (key, *_) = _TABLES[name]
    fields = row_type.model_fields.items()
    blank = {column: "" if field.is_required() else field.default for column, field in fields}
    given = list(rows)
    if unknown := set().union(*given) - set(blank):
        raise ValueError(f"columns must be among {list(blank)}, not {sorted(unknown)}")
    columns = {
        column: [default if row.get(column) is None else row[column] for row in given]
        for column, default in blank.items()
    }
    table = pd.DataFrame(columns)
    table = table.astype({column: _NUMBERS.get(column, str) for column in blank})
    return table.sort_values(key, kind="stable", ignore_index=True)


def _problems(name: str, table: pd.DataFrame) -> list[str]:
    """What is wrong with the rows of a table, each with its place and the value."""
    row_type, unique = _TABLES[name]
    columns = list(row_type.model_fields)
    if list(table.columns) != columns:
        return [f"its columns must be {columns}, not {list(table.columns)}"]
    found: list[tuple[int, str]] = []
    for column, of in row_type.model_fields.items():
        # Each value is looked at once, however many rows have it.
        number, different = pd.factorize(table[column], use_na_sentinel=False)
        known = pd.Series(different).astype(object)
        values = known.where(known.notna(), None).tolist()
        kind: Any = Annotated[of.annotation, of]
        try:
            TypeAdapter(list[kind], config=_STRICT).validate_python(values)
        except ValidationError as error:
            told = {each["loc"][0]: each["msg"] for each in error.errors(include_url=False)}
            for row in np.flatnonzero(np.isin(number, list(told))).tolist():
                message, value = told[number[row]], values[number[row]]
                found.append((row, f"row {row}, {column}: {message}, not {value!r}"))
    problems = [text for _, text in sorted(found, key=lambda problem: problem[0])]
    for column in unique:
        twice = table.loc[table[column].duplicated(), column]
        problems += [f"row {row}, {column}: {v!r} is there already" for row, v in twice.items()]
    return problems
