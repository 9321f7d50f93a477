"""Regions: connected areas of a map above the model's threshold."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from skimage.measure import label

from pipeline.model.image_map import ImageMap

REGION_COLUMNS = [
    "rank",
    "peak_probability",
    "mean_probability",
    "logit_sd",
    "row0",
    "col0",
    "row1",
    "col1",
    "centroid_row",
    "centroid_col",
    "peak_row",
    "peak_col",
    "area_mm2",
]


@dataclass(frozen=True)
class Regions:
    """The regions of one map.

    Attributes:
        table: one row of REGION_COLUMNS per region, best peak first. All places are in original
            pixels: the box as `image[row0:row1, col0:col1]`, centroid and peak as coordinates
            of pixel centres. `logit_sd`: mean standard deviation of the calibrated logit over
            mirrored copies and members of an ensemble.
        areas: (h, w) int, rank of the region that a position belongs to, 0 for none.
    """

    table: pd.DataFrame
    areas: np.ndarray


def find_regions(
    image_map: ImageMap,
    *,
    threshold: float,
    min_area_mm2: float,
    pitch_mm: float,
    original_height: int,
    original_width: int,
) -> Regions:
    """Connected areas with a probability of at least `threshold`, best peak first.

    Positions that touch at a side or a corner belong together.

    Args:
        image_map: (h, w) map.
        threshold: probability.
        min_area_mm2: smaller areas are dropped.
        pitch_mm: distance between positions; each stands for a square of this side.
        original_height, original_width: of the original image, in pixels.
    """
    parts = label(np.nan_to_num(image_map.probability) >= threshold, connectivity=2)
    size = (original_height, original_width)
    found = []
    for number in range(1, parts.max() + 1):
        inside = parts == number
        area_mm2 = float(inside.sum()) * pitch_mm**2
        if area_mm2 >= min_area_mm2:
            found.append((_describe(image_map, inside, size) | {"area_mm2": area_mm2}, inside))
    found.sort(key=lambda pair: (-pair[0]["peak_probability"], pair[0]["row0"], pair[0]["col0"]))
    areas = np.zeros(parts.shape, np.int32)
    for rank, (region, inside) in enumerate(found, start=1):
        region["rank"] = rank
        areas[inside] = rank
    return Regions(pd.DataFrame([region for region, _ in found], columns=REGION_COLUMNS), areas)


def _describe(image_map: ImageMap, inside: np.ndarray, size: tuple[int, int]) -> dict:
    """Probability and place of the positions where `inside` (h, w) is true."""
    row_index, col_index = np.nonzero(inside)
    values = image_map.probability[inside]
    peak = int(values.argmax())
    rows, cols = image_map.rows[row_index], image_map.cols[col_index]
    row0, row1 = _extent(rows, image_map.rows, size[0])
    col0, col1 = _extent(cols, image_map.cols, size[1])
    return {
        "peak_probability": float(values[peak]),
        "mean_probability": float(values.mean(dtype=np.float64)),
        "logit_sd": _mean_spread(image_map, inside),
        "row0": row0,
        "col0": col0,
        "row1": row1,
        "col1": col1,
        "centroid_row": float(rows.mean()),
        "centroid_col": float(cols.mean()),
        "peak_row": float(rows[peak]),
        "peak_col": float(cols[peak]),
    }


def _mean_spread(image_map: ImageMap, inside: np.ndarray) -> float:
    """How far the copies of the map differ in the region; NaN where there is one."""
    if image_map.spread is None:
        return float("nan")
    return float(image_map.spread[inside].mean(dtype=np.float64))


def _extent(values: np.ndarray, axis: np.ndarray, size: int) -> tuple[int, int]:
    """First pixel and end (exclusive) of the squares round `values`, inside 0..size."""
    half = abs(axis[1] - axis[0]) / 2
    first = round(values.min() - half + 0.5)
    end = round(values.max() + half + 0.5)
    return int(np.clip(first, 0, size - 1)), int(np.clip(end, 1, size))
