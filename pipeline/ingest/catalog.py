"""The catalog: one form for every data set, as three tables, and what they must fulfil."""

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd
import pandera.pandas as pa

from pipeline.annotations.coordinates import coordinates_problem
from pipeline.run.errors import UserError

IMAGE_COLUMNS = (
    "image_id",
    "patient_id",
    "laterality",  # L, R or ""
    "view",  # CC, MLO, ... or ""
    "file",  # the DICOM file to read: absolute, or relative to the working folder
    "source",  # the user's file, relative to data.root; a row of files.csv
    "dataset",
    "spacing_mm",  # where the importer knows it, else missing
    "split_hint",  # train, validation, test or ""
    "outcome",  # abnormal, normal or unknown
    "complete",  # yes: every abnormality of the image is outlined; no: the rest is no negative
    "density",
    "site",  # hospital or other origin, where the data set names it
    "scanner",  # where the data set names it; else the file says
)
FINDING_COLUMNS = (
    "finding_id",
    "image_id",
    "kind",
    "pathology",
    "geometry",  # circle, box, polygon, mask or none
    "coordinates",  # JSON, (row, col) in pixels of the DICOM image
    "note",  # what is special about it, in words
)
FILE_COLUMNS = (
    "file",  # relative to data.root, with forward slashes
    "status",  # candidate, skipped or failed
    "reason",
    "bytes",
)

# Ids become names of files, so they hold no separators and do not hide.
ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$"
WORD_PATTERN = r"^[a-z][a-z0-9_-]*$"


def _text(*checks: pa.Check, unique: bool = False) -> pa.Column:
    return pa.Column(str, list(checks), nullable=False, unique=unique)


def _one_of(*values: str) -> pa.Column:
    return _text(pa.Check.isin(values))


_IMAGES = pa.DataFrameSchema(
    {
        "image_id": _text(pa.Check.str_matches(ID_PATTERN), unique=True),
        "patient_id": _text(pa.Check.str_length(min_value=1)),
        "laterality": _one_of("L", "R", ""),
        "view": _text(pa.Check.str_matches(r"^[A-Z]*$")),
        "file": _text(pa.Check.str_length(min_value=1)),
        "source": _text(pa.Check.str_length(min_value=1), unique=True),
        "dataset": _text(pa.Check.str_matches(WORD_PATTERN)),
        "spacing_mm": pa.Column(float, pa.Check.in_range(0.001, 2.0), nullable=True),
        "split_hint": _one_of("train", "validation", "test", ""),
        "outcome": _one_of("abnormal", "normal", "unknown"),
        "complete": _one_of("yes", "no"),
        "density": _text(),
        "site": _text(),
        "scanner": _text(),
    },
    strict=True,
    ordered=True,
)
_FINDINGS = pa.DataFrameSchema(
    {
        "finding_id": _text(pa.Check.str_matches(ID_PATTERN), unique=True),
        "image_id": _text(),
        "kind": _text(pa.Check.str_matches(WORD_PATTERN)),
        "pathology": _text(pa.Check.str_matches(WORD_PATTERN)),
        "geometry": _one_of("circle", "box", "polygon", "mask", "none"),
        "coordinates": _text(),
        "note": _text(),
    },
    strict=True,
    ordered=True,
)
_FILES = pa.DataFrameSchema(
    {
        "file": _text(pa.Check.str_length(min_value=1), unique=True),
        "status": _one_of("candidate", "skipped", "failed"),
        "reason": _text(),
        "bytes": pa.Column(int, pa.Check.ge(0)),
    },
    strict=True,
    ordered=True,
)


_IMAGE_BLANKS = {"outcome": "unknown", "complete": "yes"}


@dataclass(frozen=True)
class Catalog:
    """Images, findings and files of a data set, in the columns above."""

    images: pd.DataFrame
    findings: pd.DataFrame
    files: pd.DataFrame


def make_catalog(
    images: Iterable[dict], findings: Iterable[dict], files: Iterable[dict]
) -> Catalog:
    """Tables with all columns in order, sorted by id; what a row does not name stays blank.

    `outcome` is unknown, `complete` is yes and `coordinates` is {} where a row does not say.
    """
    return Catalog(
        images=_table(images, IMAGE_COLUMNS, "image_id", _IMAGE_BLANKS),
        findings=_table(findings, FINDING_COLUMNS, "finding_id", {"coordinates": "{}"}),
        files=_table(files, FILE_COLUMNS, "file", {}),
    )


def check_catalog(catalog: Catalog) -> None:
    """Check the tables, and that they fit each other.

    Raises:
        UserError: names the table and the first rows that are wrong.
    """
    for name, schema in (("images", _IMAGES), ("findings", _FINDINGS), ("files", _FILES)):
        _check_table(name, schema, getattr(catalog, name))
    _check_ids(catalog)
    for row in catalog.findings.itertuples():
        problem = coordinates_problem(row.geometry, row.coordinates)
        if problem:
            raise UserError(f"The finding {row.finding_id} of image {row.image_id}: {problem}.")


def _check_table(name: str, schema: pa.DataFrameSchema, table: pd.DataFrame) -> None:
    try:
        schema.validate(table, lazy=True)
    except pa.errors.SchemaErrors as error:
        cases = error.failure_cases.head(5)
        lines = [
            f"row {case.index}, {case.column}: {case.failure_case!r} fails {case.check}"
            for case in cases.itertuples(index=False)
        ]
        more = len(error.failure_cases) - len(lines)
        tail = f"; and {more} more" if more > 0 else ""
        raise UserError(
            f"The catalog's table of {name} is wrong: {'; '.join(lines)}{tail}."
        ) from error


def _check_ids(catalog: Catalog) -> None:
    strangers = set(catalog.findings["image_id"]) - set(catalog.images["image_id"])
    if strangers:
        raise UserError(f"Findings name images that do not exist: {_some(strangers)}.")
    files = catalog.files
    candidates = set(files.loc[files["status"] == "candidate", "file"])
    sources = set(catalog.images["source"])
    if sources != candidates:
        raise UserError(
            "Every candidate file must have one image and every image one candidate file, not: "
            + _some(sources ^ candidates)
            + "."
        )
    silent = files.loc[(files["status"] != "candidate") & (files["reason"] == ""), "file"]
    if len(silent):
        raise UserError(f"A file that is no candidate must have a reason: {_some(silent)}.")


def _some(values) -> str:
    ordered = sorted(values)
    return ", ".join(ordered[:5]) + (f" and {len(ordered) - 5} more" if len(ordered) > 5 else "")


def _table(
    rows: Iterable[dict], columns: tuple[str, ...], key: str, blanks: dict[str, str]
) -> pd.DataFrame:
    table = pd.DataFrame(list(rows))
    unknown = set(table.columns) - set(columns)
    if unknown:
        raise ValueError(f"columns must be among {columns}, not {sorted(unknown)}")
    table = table.reindex(columns=list(columns))
    for column in columns:
        if column == "spacing_mm":
            table[column] = pd.to_numeric(table[column]).astype("float64")
        elif column == "bytes":
            table[column] = table[column].astype("int64")
        else:
            table[column] = table[column].astype(object).fillna(blanks.get(column, "")).astype(str)
    return table.sort_values(key, kind="stable", ignore_index=True)
