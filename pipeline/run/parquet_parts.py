"""Parquet tables larger than memory: written and read part by part.

A part is a row group, the partition that a Parquet file has inside: whoever reads one image or two
columns of a table, with pyarrow, DuckDB or pandas, reads no more than that from the disk.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.run.atomic import write_atomic

LEAST_ROWS = 2**17  # of a row group that is not the last; a table of fewer rows is one


def write_parts(path: Path, tables: Iterable[pa.Table], *, compression: str) -> None:
    """Write tables of one schema after each other; each lies in one row group, if it is no larger.

    Args:
        tables: at least one.
    """

    def write(new: Path) -> None:
        waiting = iter(tables)
        group = [next(waiting)]
        with pq.ParquetWriter(new, group[0].schema, compression=compression) as writer:
            rows = len(group[0])
            for table in waiting:
                if rows >= LEAST_ROWS:
                    writer.write_table(pa.concat_tables(group))
                    group, rows = [], 0
                group.append(table)
                rows += len(table)
            writer.write_table(pa.concat_tables(group))

    write_atomic(path, write)


def read_parts(path: Path, columns: Sequence[str]) -> Iterator[pd.DataFrame]:
    """Some columns of a table, a row group at a time."""
    with pq.ParquetFile(path) as file:
        for number in range(file.num_row_groups):
            yield file.read_row_group(number, columns=list(columns)).to_pandas()


class RowsByKey:
    """The rows of a table that is ordered by a column of text, key by key.

    Row groups are read as they are asked for, and the last one is kept: keys in their order cost
    one reading.
    """

    def __init__(self, path: Path, key: str):
        self._file, self._key = pq.ParquetFile(path), key
        column = self._file.schema_arrow.get_field_index(key)
        metadata = self._file.metadata
        groups = [metadata.row_group(n).column(column) for n in range(metadata.num_row_groups)]
        self._ends = [
            (each.statistics.min, each.statistics.max)
            if each.statistics and each.statistics.has_min_max
            else ("", None)
            for each in groups
        ]
        self._empty = self._file.schema_arrow.empty_table().to_pandas()
        self._kept: tuple[int, dict[str, pd.DataFrame]] = (-1, {})

    def __getitem__(self, key: str) -> pd.DataFrame:
        """The rows of a key, in their order; none where it is not there."""
        found = [
            rows
            for number, (low, high) in enumerate(self._ends)
            if low <= key and (high is None or key <= high)
            if len(rows := self._group(number).get(key, self._empty))
        ]
        return pd.concat(found, ignore_index=True) if found else self._empty

    def _group(self, number: int) -> dict[str, pd.DataFrame]:
        if self._kept[0] != number:
            rows = self._file.read_row_group(number).to_pandas()
            self._kept = number, dict(iter(rows.groupby(self._key, sort=False)))
        return self._kept[1]
