"""The tables of the heatmap stage: one row per region, candidate, image and position."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from pipeline.annotations.geometry import geometry_of
from pipeline.annotations.labels import LabelRule, finding_hit
from pipeline.annotations.outlines import Outline, standard_outlines
from pipeline.heatmap.regions import REGION_COLUMNS, Regions, find_regions
from pipeline.model.candidates import Candidates, find_candidates
from pipeline.model.card import ModelCard
from pipeline.model.image_map import ImageMap
from pipeline.model.map_grid import breast_positions
from pipeline.model.map_rule import MapRule
from pipeline.model.other_breast import other_breast
from pipeline.preprocess.store.entries import read_breast
from pipeline.run.csv_tables import write_csv
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder
from pipeline.run.parquet_parts import write_parts

# What the rows of regions.csv and candidates.csv say of their mammogram, before the columns of the
# region or candidate.
OF_IMAGE = ["image_id", "patient_id", "laterality", "view", "split"]
CANDIDATE_COLUMNS = ["rank", "row", "col", "logit", "probability", "lowered_logit"]
# The score in log odds, and as a probability where the model has a fitted one.
SCORE_COLUMNS = ["score", "candidate_probability"]
JUDGED_COLUMNS = [*SCORE_COLUMNS, "finding_id"]  # behind those of the region or candidate
IMAGE_COLUMNS = [
    *("image_id", "patient_id", "split", "outcome"), *SCORE_COLUMNS, "probability", "logit",
]  # fmt: skip


@dataclass(frozen=True)
class ImageTables:
    """What the tables say of one image."""

    mammogram: dict[str, Any]  # OF_IMAGE of it
    # regions, candidates: JUDGED_COLUMNS are in both tables, behind their own columns
    regions: Regions
    candidates: pd.DataFrame
    image: dict[str, Any]  # its row of images.csv
    predictions: pd.DataFrame  # its rows of predictions.parquet


def in_breast(mammogram: Mapping[str, Any], image_map: ImageMap, rule: MapRule) -> ImageMap:
    """The map without the air that it reaches into; where candidates and regions lie.

    Args:
        mammogram: row of mammograms.csv; its breast mask is read from the store.
    """
    inside = breast_positions(
        read_breast(mammogram["store"]),
        height=int(mammogram["height"]),
        width=int(mammogram["width"]),
        pitch_px=rule.pitch_px,
    )
    return image_map.within(inside)


def highest(searched: ImageMap, whole: ImageMap) -> tuple[float, float]:
    """Logit and probability of the highest place in the breast.

    Of the whole map where a breast of a few cells lies between its positions.
    """
    of = searched if np.isfinite(searched.logit).any() else whole
    return float(np.nanmax(of.logit)), float(np.nanmax(of.probability))


def other_breasts(
    mammograms: Sequence[Mapping[str, Any]], maps: Iterable[ImageMap], rule: MapRule
) -> np.ndarray:
    """The highest logit of the other breast of each mammogram, (n,); NaN where there is none.

    Args:
        mammograms: rows of mammograms.csv.
        maps: of them, in their order.
    """
    logits = [
        highest(in_breast(mammogram, whole, rule), whole)[0]
        for mammogram, whole in zip(mammograms, maps, strict=True)
    ]
    return other_breast(pd.DataFrame(mammograms), logits)


def tabulate(
    mammogram: Mapping[str, Any],
    image_map: ImageMap,
    positions: pd.DataFrame,
    outlines: Sequence[Outline],
    rule: MapRule,
    card: ModelCard,
    *,
    other: float,
    min_area_mm2: float,
) -> ImageTables:
    """The tables of an image. Its score is that of its best candidate.

    Args:
        mammogram: row of mammograms.csv; its breast mask is read from the store.
        positions: its rows of positions.parquet.
        outlines: all its outlines, in original pixels.
        card: says what hits an outline, from which probability on an area is a region, and how
            candidates are scored.
        other: highest logit of the other breast, see `other_breast`.
        min_area_mm2: smaller areas are no regions.

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
            "none. They are older than the mammogram: run make preprocess FORCE=1."
        )
    searched = in_breast(mammogram, image_map, rule)
    found = find_candidates(searched.logit, rule)
    regions = find_regions(
        searched,
        found.lowered,
        threshold_logit=card.threshold_logit,
        min_area_mm2=min_area_mm2,
        pitch_mm=rule.pitch_mm,
        original_height=int(mammogram["original_height"]),
        original_width=int(mammogram["original_width"]),
        original_spacing_mm=float(mammogram["original_spacing_mm"]),
    )
    best_logit, best_probability = highest(searched, image_map)
    geometry = geometry_of(mammogram)
    label_rule = LabelRule.from_settings(card.labels, geometry.spacing_mm)
    findings = standard_outlines(outlines, geometry)

    def scored(lowered: np.ndarray) -> dict[str, np.ndarray]:
        return card.score(lowered, highest=best_logit, other=other)

    def judged(table: pd.DataFrame, row: str, col: str) -> pd.DataFrame:
        places = geometry.to_standard(table[row].to_numpy(float), table[col].to_numpy(float))
        hit = finding_hit(*places, findings, label_rule)
        return table.assign(**scored(table["lowered_logit"].to_numpy(float)), finding_id=hit)

    of_image = {
        **{name: value.item() for name, value in scored(np.array(best_logit)).items()},
        "probability": best_probability,
        "logit": best_logit,
    }
    predictions = positions.assign(
        logit=image_map.logit[rows, cols],
        probability=image_map.probability[rows, cols],
    )
    return ImageTables(
        mammogram={name: mammogram[name] for name in OF_IMAGE},
        regions=replace(regions, table=judged(regions.table, "peak_row", "peak_col")),
        candidates=judged(candidate_table(searched, found), "row", "col"),
        image={**{n: mammogram[n] for n in IMAGE_COLUMNS if n not in of_image}, **of_image},
        predictions=predictions,
    )


def candidate_table(image_map: ImageMap, found: Candidates) -> pd.DataFrame:
    """The candidates of a map: CANDIDATE_COLUMNS, best first; row and col in original pixels."""
    rows, cols = found.rows, found.cols
    return pd.DataFrame(
        {
            "rank": range(1, len(rows) + 1),
            "row": image_map.rows[rows],
            "col": image_map.cols[cols],
            "logit": image_map.logit[rows, cols],
            "probability": image_map.probability[rows, cols],
            "lowered_logit": found.lowered_logits,
        },
        columns=CANDIDATE_COLUMNS,
    )


def write_tables(run: RunFolder, described: Iterable[ImageTables]) -> list[ImageTables]:
    """Write the tables of all images into a run. Nine digits are enough for every float32.

    Args:
        described: at least one, as they are made.

    Returns:
        The same without their predictions, which are on the disk alone.
    """
    tables: list[ImageTables] = []

    def predictions() -> Iterator[pa.Table]:
        for each in described:
            tables.append(replace(each, predictions=each.predictions.iloc[:0]))
            yield pa.Table.from_pandas(each.predictions, preserve_index=False)

    write_parts(run.predictions, predictions(), compression="snappy")
    for path, table in (
        (run.regions, region_table(tables)),
        (run.candidates, _join(((t, t.candidates) for t in tables), CANDIDATE_COLUMNS)),
        (run.images, pd.DataFrame([t.image for t in tables], columns=IMAGE_COLUMNS)),
    ):
        write_csv(path, table, float_format="%.9g")
    return tables


def region_table(tables: Iterable[ImageTables]) -> pd.DataFrame:
    """The regions of all images, as in regions.csv."""
    return _join(((each, each.regions.table) for each in tables), REGION_COLUMNS)


def _join(parts: Iterable[tuple[ImageTables, pd.DataFrame]], columns: list[str]) -> pd.DataFrame:
    """The rows of all images in one table: OF_IMAGE, the columns, JUDGED_COLUMNS."""
    rows = [table.assign(**of.mammogram) for of, table in parts if len(table)]
    joined = pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=columns)
    return joined.reindex(columns=[*OF_IMAGE, *columns, *JUDGED_COLUMNS])
