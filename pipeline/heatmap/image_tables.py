"""The tables of the heatmap stage: one row per region, candidate, image and position."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from pipeline.annotations.geometry import geometry_of
from pipeline.annotations.labels import LabelRule, finding_hit
from pipeline.annotations.outlines import Outline, standard_outlines
from pipeline.config import LabelSettings
from pipeline.heatmap.regions import REGION_COLUMNS, Regions, find_regions
from pipeline.model.candidates import CANDIDATE_COLUMNS, find_candidates
from pipeline.model.image_map import ImageMap
from pipeline.model.map_grid import breast_positions
from pipeline.model.map_rule import MapRule
from pipeline.preprocess.store.entries import read_breast
from pipeline.run.atomic import write_atomic
from pipeline.run.csv_tables import write_csv
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder

# What the rows of regions.csv and candidates.csv say of their mammogram, before the columns of the
# region or candidate; `finding_id` stands behind them.
OF_IMAGE = ["image_id", "patient_id", "laterality", "view", "split"]
IMAGE_COLUMNS = ["image_id", "patient_id", "split", "outcome", "score", "logit"]


@dataclass(frozen=True)
class ImageTables:
    """What the tables say of one image.

    Attributes:
        mammogram: OF_IMAGE of it.
        regions, candidates: `finding_id` is in both tables, behind their own columns.
        image: its row of images.csv.
        predictions: its rows of predictions.parquet.
    """

    mammogram: dict[str, Any]
    regions: Regions
    candidates: pd.DataFrame
    image: dict[str, Any]
    predictions: pd.DataFrame


def tabulate(
    mammogram: Mapping[str, Any],
    image_map: ImageMap,
    positions: pd.DataFrame,
    outlines: Sequence[Outline],
    rule: MapRule,
    *,
    labels: LabelSettings,
    threshold_logit: float,
    min_area_mm2: float,
) -> ImageTables:
    """The tables of an image. Its score is the highest probability in the breast.

    Regions and candidates lie in the breast, too, and not in the air that its map reaches into.

    Args:
        mammogram: row of mammograms.csv; its breast mask is read from the store.
        positions: its rows of positions.parquet.
        outlines: all its outlines, in original pixels.
        labels: say what hits an outline.
        threshold_logit: logit of the network from which an area is a region.
        min_area_mm2: smaller areas are none.

    Raises:
        UserError: a position is not on the map, so table and map are of different images.
    """
    rows = positions["row_index"].to_numpy() * rule.label_step
    cols = positions["col_index"].to_numpy() * rule.label_step
    height, width = image_map.logit.shape
    on_map = (rows < height) & (cols < width)
    if not on_map.all() or np.isnan(image_map.logit[rows, cols]).any():
        raise UserError(
            f"positions.parquet has positions of image {mammogram['image_id']} where its map has "
            "none. The patch table is older than the mammogram: run make preprocess FORCE=1."
        )
    inside = breast_positions(
        read_breast(mammogram["store"]),
        height=int(mammogram["height"]),
        width=int(mammogram["width"]),
        pitch_px=rule.pitch_px,
    )
    of_breast = image_map.within(inside)
    # A breast of a few cells may lie between the positions.
    scored = of_breast if np.isfinite(of_breast.logit).any() else image_map
    regions = find_regions(
        of_breast,
        threshold_logit=threshold_logit,
        min_area_mm2=min_area_mm2,
        pitch_mm=rule.pitch_mm,
        original_height=int(mammogram["original_height"]),
        original_width=int(mammogram["original_width"]),
        original_spacing_mm=float(mammogram["original_spacing_mm"]),
    )
    geometry = geometry_of(mammogram)
    label_rule = LabelRule.from_settings(labels, geometry.spacing_mm)
    findings = standard_outlines(outlines, geometry)

    def with_hits(table: pd.DataFrame, row: str, col: str) -> pd.DataFrame:
        places = geometry.to_standard(table[row].to_numpy(float), table[col].to_numpy(float))
        return table.assign(finding_id=finding_hit(*places, findings, label_rule))

    scores = {
        "score": float(np.nanmax(scored.probability)),
        "logit": float(np.nanmax(scored.logit)),
    }
    predictions = positions.assign(
        logit=image_map.logit[rows, cols],
        probability=image_map.probability[rows, cols],
    )
    image = {name: mammogram[name] for name in IMAGE_COLUMNS if name not in scores} | scores
    return ImageTables(
        mammogram={name: mammogram[name] for name in OF_IMAGE},
        regions=replace(regions, table=with_hits(regions.table, "peak_row", "peak_col")),
        candidates=with_hits(find_candidates(of_breast, rule), "row", "col"),
        image=image,
        predictions=predictions,
    )


def write_tables(run: RunFolder, tables: Iterable[ImageTables]) -> None:
    """Write the tables of all images into a run. Nine digits are enough for every float32."""
    tables = list(tables)
    predictions = pd.concat([each.predictions for each in tables], ignore_index=True)
    for path, table in (
        (run.regions, _join(((t, t.regions.table) for t in tables), REGION_COLUMNS)),
        (run.candidates, _join(((t, t.candidates) for t in tables), CANDIDATE_COLUMNS)),
        (run.images, pd.DataFrame([t.image for t in tables], columns=IMAGE_COLUMNS)),
    ):
        write_csv(path, table, float_format="%.9g")
    write_atomic(run.predictions, lambda new: predictions.to_parquet(new, index=False))


def _join(parts: Iterable[tuple[ImageTables, pd.DataFrame]], columns: list[str]) -> pd.DataFrame:
    """The rows of all images in one table: OF_IMAGE, the columns, finding_id."""
    rows = [table.assign(**of.mammogram) for of, table in parts if len(table)]
    joined = pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=columns)
    return joined.reindex(columns=[*OF_IMAGE, *columns, "finding_id"])
