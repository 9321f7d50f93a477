"""Regions: connected areas of a map above the model's threshold."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from skimage.measure import find_contours, label, regionprops

from pipeline.model.image_map import ImageMap

REGION_COLUMNS = [
    "rank", "logit", "lowered_logit", "peak_probability", "mean_probability", "logit_sd",
    "row0", "col0", "row1", "col1", "centroid_row", "centroid_col", "peak_row", "peak_col",
    "area_mm2", "height_mm", "width_mm", "diameter_mm",
]  # fmt: skip


@dataclass(frozen=True)
class Regions:
    """The regions of one map."""

    # one row of REGION_COLUMNS per region, the one with the best candidate first. `logit` is the
    # network's at the peak. `lowered_logit` is that of the best candidate in it, or, where none is,
    # of the place in it that would be the next one. Places are in original pixels: the box as
    # `image[row0:row1, col0:col1]`, centroid and peak as coordinates of pixel centres. `height_mm`
    # and `width_mm` are the sides of the box, `diameter_mm` is the longest distance across the
    # region. `logit_sd`: mean standard deviation of the calibrated logit over mirrored copies and
    # members of an ensemble.
    table: pd.DataFrame
    areas: np.ndarray  # (h, w) int, rank of the region that a position belongs to, 0 for none

    def curves(self, image_map: ImageMap) -> list[list[np.ndarray]]:
        """The closed edges of each region, best first: (n, 2) of (row, col) in original pixels.

        They lie half way to the next position, holes have edges of their own.
        """
        axes = image_map.rows, image_map.cols
        start = [axis[0] - (axis[1] - axis[0]) for axis in axes]  # of the padded map
        step = [axis[1] - axis[0] for axis in axes]
        padded = np.pad(self.areas, 1)
        return [
            [np.array(start) + curve * step for curve in find_contours(padded == rank, 0.5)]
            for rank in self.table["rank"]
        ]


def find_regions(
    image_map: ImageMap,
    lowered: np.ndarray,
    *,
    threshold_logit: float,
    min_area_mm2: float,
    pitch_mm: float,
    original_height: int,
    original_width: int,
    original_spacing_mm: float,
) -> Regions:
    """Connected areas with a logit of at least `threshold_logit`, the best candidate first.

    Positions that touch at a side or a corner belong together. Logits decide and rank, because
    probabilities are capped.

    Args:
        image_map: (h, w) map.
        lowered: (h, w), the map as its candidates lowered it, see `Candidates`.
        threshold_logit: of the network.
        min_area_mm2: smaller areas are dropped.
        pitch_mm: distance between positions; each stands for a square of this side.
        original_height, original_width: of the original image, in pixels.
        original_spacing_mm: side of such a pixel.
    """
    parts = _parts(image_map, threshold_logit)
    found = []
    for part in regionprops(parts):
        index = tuple(part.coords.T)  # row by row
        area_mm2 = float(part.area) * pitch_mm**2
        if area_mm2 < min_area_mm2:
            continue
        values, spread = image_map.probability[index], image_map.spread
        peak = int(image_map.logit[index].argmax())
        rows, cols = image_map.rows[index[0]], image_map.cols[index[1]]
        row0, row1 = _extent(rows, image_map.rows, original_height)
        col0, col1 = _extent(cols, image_map.cols, original_width)
        region = {
            "logit": float(image_map.logit[index][peak]),
            "lowered_logit": float(lowered[index].max()),
            "peak_probability": float(values[peak]),
            "mean_probability": float(values.mean(dtype=np.float64)),
            "logit_sd": np.nan if spread is None else float(spread[index].mean(dtype=np.float64)),
            "row0": row0,
            "col0": col0,
            "row1": row1,
            "col1": col1,
            "centroid_row": float(rows.mean()),
            "centroid_col": float(cols.mean()),
            "peak_row": float(rows[peak]),
            "peak_col": float(cols[peak]),
            "area_mm2": area_mm2,
            "height_mm": (row1 - row0) * original_spacing_mm,
            "width_mm": (col1 - col0) * original_spacing_mm,
            "diameter_mm": float(part.feret_diameter_max) * pitch_mm,
        }
        found.append((region, index))
    found.sort(key=lambda pair: (-pair[0]["lowered_logit"], pair[0]["row0"], pair[0]["col0"]))
    table = pd.DataFrame([region for region, _ in found], columns=REGION_COLUMNS)
    table["rank"] = range(1, len(found) + 1)
    areas = np.zeros(parts.shape, np.int32)
    for rank, (_, index) in enumerate(found, start=1):
        areas[index] = rank
    return Regions(table, areas)


def region_areas(image_map: ImageMap, table: pd.DataFrame, *, threshold_logit: float) -> np.ndarray:
    """The areas of the regions of a table, such as regions.csv, on the map that they are of.

    Args:
        image_map, threshold_logit: as of `find_regions`.
        table: rows with `rank`, `peak_row` and `peak_col`.

    Returns:
        (h, w) int, `Regions.areas`.
    """
    parts = _parts(image_map, threshold_logit)
    areas = np.zeros(parts.shape, np.int32)
    for region in table.itertuples():
        row, col = (
            np.abs(axis - place).argmin()
            for axis, place in (
                (image_map.rows, region.peak_row),
                (image_map.cols, region.peak_col),
            )
        )
        areas[parts == parts[row, col]] = region.rank
    return areas


def cells_of_pixels(axis: np.ndarray, size: int) -> np.ndarray:
    """The position whose square each pixel of the original image lies in, along one axis.

    Args:
        axis: rows or columns of the positions, even, rising or falling.
        size: of the original image, in pixels.

    Returns:
        (size,) int, -1 for pixels in no square.
    """
    half = abs(axis[1] - axis[0]) / 2
    ends = np.round([axis - half + 0.5, axis + half + 0.5])
    cells = np.full(size, -1)
    for number, (first, end) in enumerate(ends.T.astype(int).clip(0, size)):
        cells[first:end] = number
    return cells


def _parts(image_map: ImageMap, threshold_logit: float) -> np.ndarray:
    """(h, w) int, a number for each connected area; 0 below the threshold."""
    return label(image_map.logit >= threshold_logit, connectivity=2)  # NaN is not


def _extent(values: np.ndarray, axis: np.ndarray, size: int) -> tuple[int, int]:
    """First pixel and end (exclusive) of the squares round `values`, inside 0..size."""
    half = abs(axis[1] - axis[0]) / 2
    first = round(values.min() - half + 0.5)
    end = round(values.max() + half + 0.5)
    return int(np.clip(first, 0, size - 1)), int(np.clip(end, 1, size))
