"""CSV tables, read and written in one way.

`read_csv_table` and `write_csv` are for the tables of the pipeline itself; `read_text_table` is
for those of others: what a user wrote with a spreadsheet, and the tables of data sets. Loads
pandas only where a table of pandas is asked for.
"""

import csv
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.run.atomic import write_text
from pipeline.run.errors import UserError

if TYPE_CHECKING:
    import pandas as pd


_IN_FRONT = re.compile(r"\s*|\s*\"?sep=.?\"?\s*", re.IGNORECASE)


@dataclass(frozen=True)
class TextTable:
    """A table of text."""

    columns: list[str]  # names of the header line
    # the lines that are not blank: file and line for messages, and the cells by column, without
    # blanks around them
    rows: list[tuple[str, dict[str, str]]]
    separator: str  # what separates the columns


def read_text_table(
    path: Path,
    *,
    needed: Collection[str] = (),
    rename: Callable[[str], str] = str.strip,
    separators: str = ",",
    advice: str = "Save it as CSV UTF-8, and put text with commas into quotes.",
    lenient: bool = False,
    whole_lines: bool = False,
) -> TextTable:
    """Read a table that the pipeline did not write.

    Args:
        needed: columns that must be there, as `rename` gives them.
        rename: gives the name of a column from its cell in the header line.
        separators: what may separate the columns; of several, what the header line has most.
        advice: what the user can do about a wrong table, for messages.
        lenient: bytes that are not UTF-8 become question marks, and values beyond the last
            column are dropped. For tables in which only some columns matter.
        whole_lines: a line with fewer values than columns is refused; else the rest is "".

    Raises:
        UserError: the file is missing or not UTF-8, a column is missing or there twice with
            other values, or a line has more values than columns.
    """
    try:
        with path.open(
            encoding="utf-8-sig", errors="replace" if lenient else "strict", newline=""
        ) as stream:
            lines = list(stream)
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing.") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8. {advice}") from error
    # What spreadsheets and people put in front of the header line: sep=; and blank lines.
    front = next((n for n, line in enumerate(lines) if not _IN_FRONT.fullmatch(line)), 0)
    separator = max(separators, key=(lines or [""])[front].count)
    table = csv.reader(["\n"] * front + lines[front:], delimiter=separator)
    try:
        columns = [rename(cell) for cell in next(filter(None, table), [])]
        numbered = [(table.line_num, [value.strip() for value in values]) for values in table]
    except csv.Error as error:
        raise UserError(f"{path}, line {table.line_num}: {error}. {advice}") from error
    missing = sorted(set(needed) - set(columns))
    if missing:
        raise UserError(f"{path} lacks the columns {', '.join(missing)}. {advice}")
    twice = {name for name in columns if name and columns.count(name) > 1}
    rows = []
    for line, cells in numbered:
        where = f"{path}, line {line}"
        if not any(cells):
            continue
        if len(cells) > len(columns) and not lenient:
            header = f"{len(cells)} values and {len(columns)} columns, {', '.join(columns)}"
            raise UserError(f"{where}: more values than columns ({header}). {advice}")
        if len(cells) < len(columns) and whole_lines:
            raise UserError(f"{where}: fewer values than columns. {advice}")
        for name in twice:
            if len({cell for of, cell in zip(columns, cells, strict=False) if of == name}) > 1:
                raise UserError(f"{where}: the columns called {name} disagree. Keep one of them.")
        rows.append((where, dict.fromkeys(columns, "") | dict(zip(columns, cells, strict=False))))
    return TextTable(columns, rows, separator)


def read_csv_table(
    path: Path,
    types: Mapping[str, type | str] | None = None,
    *,
    rest: type | None = str,
    written_by: str,
) -> "pd.DataFrame":
    """Read a table that the pipeline wrote.

    Text stays text: an id may be 0012 or NA, and a blank is "". A blank number is missing.

    Args:
        types: what columns hold, such as {"image_id": str, "row0": "int64"}; all must be there.
        rest: what the other columns hold: text, or None for numbers, whole or not.
        written_by: the command that writes it, for messages.

    Raises:
        UserError: it is missing or damaged, lacks a column, or has a value of another kind.
    """
    import pandas as pd

    again = f"{written_by} FORCE=1 writes it anew."
    if not path.is_file():
        raise UserError(f"{path} is missing. {written_by} writes it.")
    try:
        columns = list(pd.read_csv(path, nrows=0).columns)
        missing = sorted(set(types or {}) - set(columns))
        if missing:
            raise UserError(f"{path} lacks the columns {', '.join(missing)}. {again}")
        known = {c: (types or {}).get(c, rest) for c in columns}
        return pd.read_csv(
            path,
            dtype={c: kind for c, kind in known.items() if kind is not None},
            keep_default_na=False,
            na_values={c: [""] for c, kind in known.items() if kind is not str},
        )
    except ValueError as error:  # of pandas too: no columns, no table, no number
        raise UserError(f"{path} is damaged: {error}. {again}") from error


def records(table: "pd.DataFrame", *, at_once: int = 1000) -> Iterator[dict[str, Any]]:
    """The rows of a table as dictionaries, of which only so many are made at once."""
    for start in range(0, len(table), at_once):
        yield from table.iloc[start : start + at_once].to_dict("records")


def csv_text(table: "pd.DataFrame", *, float_format: str | None = None) -> str:
    r"""A table as CSV with \n at the end of lines; the same table is the same bytes everywhere.

    Args:
        float_format: such as %.9g, which is enough for every float32; None keeps every digit.
    """
    form: dict = {"index": False, "lineterminator": "\n", "float_format": float_format}
    text = table.to_csv(**form)
    # pandas puts no quotes round a lone \r, at which readers begin another line.
    return table.to_csv(**form, quoting=csv.QUOTE_NONNUMERIC) if "\r" in text else text


def write_csv(path: Path, table: "pd.DataFrame", *, float_format: str | None = None) -> None:
    """Write a table atomically, as `csv_text` gives it."""
    write_text(path, csv_text(table, float_format=float_format))
