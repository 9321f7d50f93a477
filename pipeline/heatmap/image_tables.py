"""The tables of the heatmap stage: one row per region, candidate, image and position."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.heatmap.regions import REGION_COLUMNS
from pipeline.model.candidates import CANDIDATE_COLUMNS, find_candidates
from pipeline.model.image_map import ImageMap
from pipeline.model.map_rule import MapRule
from pipeline.run.atomic import write_atomic
from pipeline.run.csv_tables import write_csv
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder

IMAGE_COLUMNS = ["image_id", "patient_id", "split", "outcome", "score", "logit"]


@dataclass(frozen=True)
class ImageTables:
    """What the tables say of one image; `image` is its row of images.csv."""

    regions: pd.DataFrame
    candidates: pd.DataFrame
    image: dict[str, Any]
    predictions: pd.DataFrame


def tabulate(
    mammogram: Mapping[str, Any],
    image_map: ImageMap,
    regions: pd.DataFrame,
    positions: pd.DataFrame,
    rule: MapRule,
) -> ImageTables:
    """The tables of an image.

    Args:
        mammogram: row of mammograms.csv.
        regions: table of its regions.
        positions: its rows of positions.parquet.

    Raises:
        UserError: a position is not on the map, so table and map are of different images.
    """
    return ImageTables(
        regions,
        find_candidates(image_map, rule),
        _image_row(mammogram, image_map),
        predict_positions(positions, image_map, steps=rule.label_step),
    )


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


def write_tables(run: RunFolder, by_image: Mapping[str, ImageTables]) -> None:
    """Write the tables of all images, by image id, into a run."""
    regions = {image_id: tables.regions for image_id, tables in by_image.items()}
    _write_numbers(run.regions, _join(regions, REGION_COLUMNS))
    candidates = {image_id: tables.candidates for image_id, tables in by_image.items()}
    _write_numbers(run.candidates, _join(candidates, CANDIDATE_COLUMNS))
    rows = [tables.image for tables in by_image.values()]
    _write_numbers(run.images, pd.DataFrame(rows, columns=IMAGE_COLUMNS))
    predictions = pd.concat([tables.predictions for tables in by_image.values()], ignore_index=True)
    write_atomic(run.predictions, lambda new: predictions.to_parquet(new, index=False))


def _image_row(mammogram: Mapping[str, Any], image_map: ImageMap) -> dict[str, Any]:
    """The score of an image is its highest probability."""
    return {
        "image_id": mammogram["image_id"],
        "patient_id": mammogram["patient_id"],
        "split": mammogram["split"],
        "outcome": mammogram["outcome"],
        "score": float(np.nanmax(image_map.probability)),
        "logit": float(np.nanmax(image_map.logit)),
    }


def _write_numbers(path: Path, table: pd.DataFrame) -> None:
    """Numbers have nine digits, enough for every float32."""
    write_csv(path, table, float_format="%.9g")


def _join(by_image: Mapping[str, pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    """All rows in one table: image_id, then the columns."""
    parts = [table.assign(image_id=image_id) for image_id, table in by_image.items() if len(table)]
    joined = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
    return joined.reindex(columns=["image_id", *columns])


def _stale(positions: pd.DataFrame) -> UserError:
    return UserError(
        f"positions.parquet has positions of image {positions['image_id'].iloc[0]} where its map "
        "has none. The patch table is older than the mammogram: run make preprocess FORCE=1."
    )
