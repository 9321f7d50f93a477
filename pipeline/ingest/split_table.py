"""The user's own split: a table with the columns patient_id and split."""

from pathlib import Path

from pipeline.config import DataSettings
from pipeline.ingest.user_table import read_user_table
from pipeline.run.errors import UserError

PARTS = ("train", "validation", "test")


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


def read_split(path: Path) -> dict[str, str]:
    """Split by patient id.

    Raises:
        UserError: a column is missing, a split is unknown, a patient is in two splits.
    """
    table = read_user_table(path)
    if not {"patient_id", "split"} <= set(table.columns):
        raise UserError(f"{path} must have the columns patient_id,split, not {table.columns}.")
    split = {}
    for where, row in table.rows:
        patient, part = row["patient_id"], row["split"].lower()
        if part not in PARTS:
            raise UserError(f"{where}: split must be one of {', '.join(PARTS)}, not {part!r}.")
        if split.setdefault(patient, part) != part:
            raise UserError(f"{where}: patient {patient} is in {split[patient]} and {part}.")
    return split
