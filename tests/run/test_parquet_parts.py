"""Parquet tables that are written and read in parts."""

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.run import parquet_parts
from pipeline.run.parquet_parts import RowsByKey, read_parts, write_parts


def table(key: str, rows: int) -> pa.Table:
    columns = pd.DataFrame({"key": pd.Series([key] * rows, dtype=str), "number": range(rows)})
    return pa.Table.from_pandas(columns, preserve_index=False)


@pytest.fixture
def path(tmp_path, monkeypatch):
    """Keys a to e of 3, 3, 0, 4 and 2 rows, in row groups of at least 5."""
    monkeypatch.setattr(parquet_parts, "LEAST_ROWS", 5)
    sizes = {"a": 3, "b": 3, "c": 0, "d": 4, "e": 2}
    tables = [table(key, rows) for key, rows in sizes.items()]
    write_parts(tmp_path / "t.parquet", tables, compression="zstd")
    return tmp_path / "t.parquet"


def test_a_key_lies_in_one_row_group(path):
    parts = [part["key"].unique().tolist() for part in read_parts(path, ["key"])]
    assert parts == [["a", "b"], ["d", "e"]]


def test_tables_are_taken_as_they_are_written(path, monkeypatch):
    events = []
    original = pq.ParquetWriter.write_table

    def written(writer, rows):
        events.append(len(rows))
        original(writer, rows)

    def tables():
        for key in "abc":
            events.append(key)
            yield table(key, 5)

    monkeypatch.setattr(pq.ParquetWriter, "write_table", written)
    write_parts(path, tables(), compression="zstd")
    assert events == ["a", "b", 5, "c", 5, 5]


def test_a_small_table_is_the_bytes_that_it_was_when_it_was_written_at_once(tmp_path):
    parts = [table("a", 3), table("b", 2)]
    write_parts(tmp_path / "parts", parts, compression="zstd")
    pq.write_table(pa.concat_tables(parts), tmp_path / "whole", compression="zstd")
    assert (tmp_path / "parts").read_bytes() == (tmp_path / "whole").read_bytes()


def test_the_rows_of_a_key_are_found_in_any_order_and_a_row_group_is_read_once(path, monkeypatch):
    read = []
    original = pq.ParquetFile.read_row_group

    def counted(file, number, **more):
        read.append(number)
        return original(file, number, **more)

    monkeypatch.setattr(pq.ParquetFile, "read_row_group", counted)
    rows = RowsByKey(path, "key")
    assert [len(rows[key]) for key in "abcdefz"] == [3, 3, 0, 4, 2, 0, 0]
    assert read == [0, 1]
    assert rows["b"]["number"].tolist() == [0, 1, 2]
    assert rows["c"].dtypes.equals(rows["a"].dtypes)


def test_a_key_over_two_row_groups_is_found_whole(tmp_path):
    whole = table("k", 7)
    pq.write_table(whole, tmp_path / "t", row_group_size=3)
    assert RowsByKey(tmp_path / "t", "key")["k"]["number"].tolist() == list(range(7))
