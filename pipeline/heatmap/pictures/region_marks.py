"""The regions on a picture: their edges, and labels that leave each other room.

All coordinates are original pixels, (row, col) with centres at integers.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pipeline.drawing.field import Field
from pipeline.drawing.marks import DARK
from pipeline.drawing.sheet import Panel, Sheet
from pipeline.heatmap.regions import Regions
from pipeline.model.image_map import ImageMap
from pipeline.pages.colours import REGION

LABEL_LINE, LABEL_WIDTH = 0.026, 0.13  # size of a label, as a share of the picture's height


class LabelPlace(NamedTuple):
    """Where a label begins, in original pixels, and to which side it grows."""

    row: float
    col: float
    grows_right: bool


def draw_regions(
    sheet: Sheet,
    panel: Panel,
    image_map: ImageMap,
    regions: Regions,
    *,
    label: Callable[[Any], str],
) -> None:
    """Outline the regions and write their labels beside them.

    Args:
        label: from a row of REGION_COLUMNS, as a tuple with names.
    """
    for curves in regions.curves(image_map):
        for curve in curves:
            sheet.line(panel.place(curve), colour=REGION, width=2, within=panel)
    places = label_places(regions.table, panel.field)
    for region, (row, col, grows_right) in zip(regions.table.itertuples(), places, strict=True):
        x, y = panel.place(np.array([row, col]))
        look: dict[str, Any] = {"colour": REGION, "size": 18, "bold": True, "edge": DARK}
        anchor = "lm" if grows_right else "rm"
        sheet.write(label(region), (x + (8 if grows_right else -8), y), anchor=anchor, **look)


def label_places(table: pd.DataFrame, field: Field) -> list[LabelPlace]:
    """Where the labels of regions go: beside the box on the roomier side, none over another.

    Args:
        table: rows of REGION_COLUMNS; the best are placed first and the others give way.
    """
    line, width = LABEL_LINE * (field.bottom - field.top), LABEL_WIDTH * (field.bottom - field.top)
    places: list[LabelPlace] = []
    for region in table.itertuples():
        right = region.centroid_col < (field.left + field.right) / 2
        col = region.col1 if right else region.col0
        start = col if right else col - width
        row = min(max(region.row0, field.top + line), field.bottom - line)
        for other in sorted(places, key=lambda place: place.row):
            other_start = other.col if other.grows_right else other.col - width
            if abs(other_start - start) < width and abs(other.row - row) < line:
                row = other.row + line
        places.append(LabelPlace(row, col, right))
    return places
