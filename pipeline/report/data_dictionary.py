"""The data dictionary: every table of a run folder and every column of it, once.

It stands in data-dictionary.csv beside this file; docs/tables.md and RUN/paper/data_dictionary.csv
are made from it, and a test compares it with tables that the stages write.
"""

import functools
from pathlib import Path

import pandas as pd

from pipeline.pages.template import render_markdown
from pipeline.run.csv_tables import read_csv_table

_HERE = Path(__file__).parent
SOURCE = _HERE / "data-dictionary.csv"
TEMPLATE = _HERE / "tables.md"


@functools.cache
def data_dictionary() -> pd.DataFrame:
    """All of it: table, column, unit, type and meaning, as text."""
    return read_csv_table(SOURCE, written_by="the repository")


def columns_of(table: str) -> list[str]:
    """The columns of a table by its place in the run folder, in order; empty if it is not known."""
    known = data_dictionary()
    return known.loc[known["table"] == table, "column"].tolist()


def tables_markdown() -> str:
    """The page docs/tables.md."""
    by_table = data_dictionary().groupby("table", sort=False)
    tables = {name: rows.to_dict("records") for name, rows in by_table}
    return render_markdown(TEMPLATE, tables=tables).rstrip() + "\n"
