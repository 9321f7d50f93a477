"""The tables that preprocess writes and later stages read. The same content is the same bytes."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.run.csv_tables import read_csv_table, write_csv
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder
from pipeline.run.parquet_parts import RowsByKey, read_parts, write_parts

# Column of mammograms.csv: type. Lengths in pixels are of the standard image unless they are
# called original; row_scale and col_scale are original pixels per standard pixel.
MAMMOGRAM_COLUMNS: dict[str, type | str] = {
    **dict.fromkeys(("image_id", "patient_id", "laterality", "view", "split", "dataset"), str),
    **dict.fromkeys(("outcome", "density", "site", "source", "file", "store"), str),
    **dict.fromkeys(("height", "width"), "int64"),
    "spacing_mm": "float64",
    **dict.fromkeys(("original_height", "original_width"), "int64"),
    "original_spacing_mm": "float64",
    "flipped": bool,
    **dict.fromkeys(("row0", "col0"), "int64"),
    **dict.fromkeys(("row_scale", "col_scale", "breast_mm2"), "float64"),
    "unlocated": bool,
    **dict.fromkeys(("pixel_sha256", "window", "polarity", "spacing_source", "scanner"), str),
}

_AT_ONCE = 20  # mammograms whose positions are written together
POSITION_SCHEMA = pa.schema(
    [
        ("image_id", pa.string()),
        ("patient_id", pa.string()),
        ("split", pa.string()),
        ("row_index", pa.int32()),
        ("col_index", pa.int32()),
        ("row", pa.float64()),  # original pixels
        ("col", pa.float64()),
        ("row_standard", pa.float32()),
        ("col_standard", pa.float32()),
        ("label", pa.int8()),
        ("finding_id", pa.string()),
    ]
)
_TEXT = [field.name for field in POSITION_SCHEMA if field.type == pa.string()]


def write_mammograms(run: RunFolder, mammograms: pd.DataFrame) -> None:
    """Write mammograms.csv, ordered by image. Floats keep every digit.

    Raises:
        ValueError: a column is missing or unknown.
    """
    if set(mammograms.columns) != set(MAMMOGRAM_COLUMNS):
        wrong = sorted(set(mammograms.columns) ^ set(MAMMOGRAM_COLUMNS))
        raise ValueError(f"mammograms.csv: columns missing or unknown: {', '.join(wrong)}")
    table = mammograms[list(MAMMOGRAM_COLUMNS)].astype(MAMMOGRAM_COLUMNS)
    write_csv(run.mammograms, table.sort_values("image_id"))


def read_mammograms(run: RunFolder) -> pd.DataFrame:
    """Read mammograms.csv; ids and other text stay text.

    Raises:
        UserError: it is missing or damaged.
    """
    return read_csv_table(run.mammograms, MAMMOGRAM_COLUMNS, written_by="make preprocess")


def write_positions(run: RunFolder, positions: pd.DataFrame) -> None:
    """Write positions.parquet, ordered by image, row and column."""
    ordered = positions.sort_values(["image_id", "row_index", "col_index"], ignore_index=True)
    write_positions_of(run, [ordered])


def write_positions_of(run: RunFolder, images: Iterable[pd.DataFrame]) -> None:
    """Write positions.parquet, image by image, of which no more is in memory than a row group.

    Args:
        images: the positions of each, ordered by row and column; at least one, ordered by id.
    """
    tables = (
        # Without pandas' own metadata the bytes depend on the content only.
        pa.Table.from_pandas(
            positions, schema=POSITION_SCHEMA, preserve_index=False
        ).replace_schema_metadata(None)
        for positions in _together(images)
    )
    write_parts(run.positions, tables, compression="zstd")


def _together(images: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """Several tables as one, which are sooner converted than one by one."""
    several = []
    for number, positions in enumerate(images, start=1):
        several.append(positions)
        if number % _AT_ONCE == 0:
            yield pd.concat(several)
            several = []
    if several:
        yield pd.concat(several)


def positions_by_image(run: RunFolder) -> RowsByKey:
    """The rows of positions.parquet by image id.

    Raises:
        UserError: as `read_positions`.
    """
    _check_positions(run)
    return RowsByKey(run.positions, "image_id")


def count_positions(run: RunFolder) -> Counter[tuple[str, int]]:
    """How many positions there are of each split and label.

    Raises:
        UserError: as `read_positions`.
    """
    _check_positions(run)
    counts: Counter[tuple[str, int]] = Counter()
    for part in read_parts(run.positions, ["split", "label"]):
        counts.update(part.value_counts().to_dict())
    return counts


def read_positions(run: RunFolder) -> pd.DataFrame:
    """Read positions.parquet.

    Raises:
        UserError: it is missing, or of an earlier version.
    """
    _check_positions(run)
    return pq.read_table(run.positions).to_pandas()


def read_position_columns(path: Path, columns: Sequence[str], *, written_by: str) -> pd.DataFrame:
    """Some columns of a table with those of positions.parquet; text in them as categories.

    Of a set of any size it is a small part of the table, and a category takes 4 bytes a row.

    Raises:
        UserError: as `_check_table`.
    """
    _check_table(path, columns, written_by=written_by)
    table = pq.read_table(path, columns=list(columns), read_dictionary=_TEXT)
    return table.to_pandas(ignore_metadata=True, split_blocks=True, self_destruct=True)


def _check_positions(run: RunFolder) -> None:
    keep = f"To keep its trained network, use it in another run: MODEL={run.root} RUN=..."
    advice = keep if run.model_file.is_file() else ""
    _check_table(run.positions, written_by="make preprocess", advice=advice)


def _check_table(
    path: Path, more: Collection[str] = (), *, written_by: str, advice: str = ""
) -> None:
    """Look whether a table has the columns of positions.parquet, and more.

    Args:
        more: further columns that must be there.
        written_by: the command that writes it, for messages.
        advice: what else helps where an earlier version wrote it.

    Raises:
        UserError: it is missing, or lacks a column: a version wrote it in which `row` and `col`
            were standard pixels.
    """
    if not path.is_file():
        raise UserError(f"{path} is missing. {written_by} writes it.")
    there = pq.read_schema(path).names
    missing = [name for name in (*POSITION_SCHEMA.names, *more) if name not in there]
    if missing:
        raise UserError(
            f"{path} lacks the columns {', '.join(missing)}: an earlier version wrote it. "
            f"{written_by} FORCE=1 writes it anew. {advice}".rstrip()
        )
