"""The user's own split: a table with the columns patient_id and split."""

from dataclasses import replace
from pathlib import Path

from pipeline.ingest.catalog import Catalog
from pipeline.run.csv_tables import read_text_table
from pipeline.run.errors import UserError

PARTS = ("train", "validation", "test")


def read_split(path: Path) -> dict[str, str]:
    """Split by patient id.

    Raises:
        UserError: a column is missing, a split is unknown, a patient is in two splits.
    """
    table = read_text_table(
        path,
        needed=("patient_id", "split"),
        rename=lambda cell: cell.strip().lower(),
        separators=",;",
        advice="Give a CSV of patient_id,split in UTF-8.",
    )
    split: dict[str, str] = {}
    for where, row in table.rows:
        patient, part = row["patient_id"], row["split"].lower()
        if part not in PARTS:
            raise UserError(f"{where}: split must be one of {', '.join(PARTS)}, not {part!r}.")
        if split.setdefault(patient, part) != part:
            raise UserError(f"{where}: patient {patient} is in {split[patient]} and {part}.")
    return split


def apply_split(catalog: Catalog, split: dict[str, str], *, where: str) -> Catalog:
    """Take the user's split in place of the data set's own, also for whom it does not name.

    Raises:
        UserError: the table names no patient of the data set, so its ids are of another kind.
    """
    patients = set(catalog.images["patient_id"])
    if patients and not patients & set(split):
        raise UserError(
            f"{where} names none of the patients, which are called {min(patients)!r} and so on."
        )
    own = {patient: split[patient] for patient in sorted(patients & set(split))}
    return replace(catalog, images=catalog.images.assign(split_hint=""), split=own)
