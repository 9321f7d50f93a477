"""The tables that preprocess writes and later stages read. The same content is the same bytes."""

from collections.abc import Collection
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.run.atomic import write_atomic
from pipeline.run.csv_tables import read_csv_table, write_csv
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder

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
    table = pa.Table.from_pandas(ordered, schema=POSITION_SCHEMA, preserve_index=False)
    # Without pandas' own metadata the bytes depend on the content only.
    table = table.replace_schema_metadata(None)
    write_atomic(run.positions, lambda path: pq.write_table(table, path, compression="zstd"))


def read_positions(run: RunFolder) -> pd.DataFrame:
    """Read positions.parquet.

    Raises:
        UserError: it is missing, or of an earlier version.
    """
    keep = f"To keep its trained network, use it in another run: MODEL={run.root} RUN=..."
    return read_position_table(
        run.positions,
        written_by="make preprocess",
        advice=keep if run.model_file.is_file() else "",
    )


def read_position_table(
    path: Path, more: Collection[str] = (), *, written_by: str, advice: str = ""
) -> pd.DataFrame:
    """Read a table with the columns of positions.parquet, and more.

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
    table = pq.read_table(path).to_pandas()
    missing = [name for name in (*POSITION_SCHEMA.names, *more) if name not in table]
    if missing:
        raise UserError(
            f"{path} lacks the columns {', '.join(missing)}: an earlier version wrote it. "
            f"{written_by} FORCE=1 writes it anew. {advice}".rstrip()
        )
    return table
