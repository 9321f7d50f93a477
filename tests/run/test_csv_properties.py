"""Whatever stands in a cell comes back from a table."""

import csv
import io

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.run.csv_tables import read_csv_table, read_text_table, write_csv

EACH = settings(max_examples=80, derandomize=True, deadline=None)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
ODD = st.sampled_from(["", "NA", "nan", "0012", "1e5", '"', ",", "\r", "\n", "a\r\nb", "\0", " "])
ROWS = st.lists(st.tuples(TEXT | ODD, TEXT | ODD), min_size=1, max_size=5)


@EACH
@given(ROWS)
def test_the_text_of_our_own_tables_comes_back(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("table") / "a.csv"
    table = pd.DataFrame(rows, columns=["image_id", "note"], dtype=str)
    write_csv(path, table)
    pd.testing.assert_frame_equal(
        read_csv_table(path, written_by="make ingest"), table, check_dtype=False
    )


@EACH
@given(ROWS)
def test_the_text_of_a_users_table_comes_back_without_blanks_around_it(tmp_path_factory, rows):
    stream = io.StringIO()
    csv.writer(stream, quoting=csv.QUOTE_ALL).writerows([("a", "b"), *rows])
    path = tmp_path_factory.mktemp("table") / "a.csv"
    path.write_bytes(stream.getvalue().encode())
    read = [tuple(cells.values()) for _, cells in read_text_table(path).rows]
    stripped = [tuple(cell.strip() for cell in row) for row in rows]
    assert read == [row for row in stripped if any(row)]
