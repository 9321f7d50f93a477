"""A table that the user wrote: CSV from any spreadsheet."""

import csv
from dataclasses import dataclass
from pathlib import Path

from pipeline.run.errors import UserError


@dataclass(frozen=True)
class UserTable:
    """Columns in lower case, and the lines that are not blank.

    Attributes:
        columns: names as in the header line.
        rows: table and line for messages, and the cells by column, without blanks around them.
        decimal_comma: semicolons separate the columns, so commas may be in numbers.
    """

    columns: list[str]
    rows: list[tuple[str, dict[str, str]]]
    decimal_comma: bool


def read_user_table(path: Path) -> UserTable:
    """Read a CSV file in UTF-8; commas or semicolons separate its columns.

    Raises:
        UserError: it is not UTF-8, or a line has more values than columns.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8. Save it as CSV UTF-8.") from error
    header = text.split("\n", 1)[0]
    semicolons = header.count(";") > header.count(",")
    table = csv.DictReader(text.splitlines(keepends=True), delimiter=";" if semicolons else ",")
    table.fieldnames = [name.strip().lower() for name in table.fieldnames or []]
    rows = []
    for cells in table:
        where = f"{path}, line {table.line_num}"
        if None in cells:
            raise UserError(f"{where}: more values than columns; put text with commas into quotes.")
        row = {key: (value or "").strip() for key, value in cells.items()}
        if any(row.values()):
            rows.append((where, row))
    return UserTable(table.fieldnames, rows, semicolons)
