"""The tables of the heatmap stage: one row per region, candidate, image and position."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.heatmap.regions import REGION_COLUMNS
from pipeline.model.candidates import CANDIDATE_COLUMNS
from pipeline.model.maps import ImageMap
from pipeline.run import csv_tables
from pipeline.run.atomic import write_atomic
from pipeline.run.errors import UserError

IMAGE_COLUMNS = ["image_id", "patient_id", "split", "outcome", "score", "logit"]


def join_regions(by_image: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """All regions in one table: image_id, then REGION_COLUMNS."""
    return _join(by_image, REGION_COLUMNS)


def join_candidates(by_image: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """All candidates in one table: image_id, then CANDIDATE_COLUMNS."""
    return _join(by_image, CANDIDATE_COLUMNS)


def image_row(mammogram: Mapping, image_map: ImageMap) -> dict:
    """Row of images.csv: the score of an image is its highest probability."""
    return {
        "image_id": mammogram["image_id"],
        "patient_id": mammogram["patient_id"],
        "split": mammogram["split"],
        "outcome": mammogram["outcome"],
        "score": float(np.nanmax(image_map.probability)),
        "logit": float(np.nanmax(image_map.logit)),
    }


def predict_positions(positions: pd.DataFrame, image_map: ImageMap, *, steps: int) -> pd.DataFrame:
    """The positions of one image with what the map says there.

    Args:
        positions: rows of the patch table of this image.
        image_map: its map.
        steps: steps of the map in one step of the patch table.

    Raises:
        UserError: a position is not on the map, so table and map are of different images.
    """
    rows = positions["row_index"].to_numpy() * steps
    cols = positions["col_index"].to_numpy() * steps
    height, width = image_map.logit.shape
    if len(rows) and (rows.max() >= height or cols.max() >= width):
        raise _stale(positions)
    logit = image_map.logit[rows, cols]
    if np.isnan(logit).any():
        raise _stale(positions)
    return positions.assign(
        logit=logit,
        probability=image_map.probability[rows, cols],
        row_original=image_map.rows[rows],
        col_original=image_map.cols[cols],
    )


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write a table atomically; numbers have nine digits, enough for every float32."""
    csv_tables.write_csv(path, table, float_format="%.9g")


def write_parquet(path: Path, table: pd.DataFrame) -> None:
    """Write a large table atomically."""
    write_atomic(path, lambda temporary: table.to_parquet(temporary, index=False))


def _join(by_image: Mapping[str, pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    parts = [table.assign(image_id=image_id) for image_id, table in by_image.items() if len(table)]
    joined = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
    return joined.reindex(columns=["image_id", *columns])


def _stale(positions: pd.DataFrame) -> UserError:
    return UserError(
        f"positions.parquet has positions of image {positions['image_id'].iloc[0]} where its map "
        "has none. The patch table is older than the mammogram: run make preprocess FORCE=1."
    )
