"""The data sets of a run: one, or several with names. Loads no pandas."""

from pathlib import Path

from pipeline.config import DataSettings
from pipeline.run.errors import UserError


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
