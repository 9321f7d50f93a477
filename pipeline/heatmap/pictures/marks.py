"""What is drawn on a picture: regions, outlines, the scale bar, the word SYNTHETIC.

All coordinates are original pixels, (row, col) with centres at integers.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Patch, Polygon
from matplotlib.patheffects import withStroke

from pipeline.annotations.outlines import Outline
from pipeline.heatmap.pictures.colours import REGION, TEXT, TRUTH, WARNING
from pipeline.heatmap.pictures.field import Field
from pipeline.heatmap.regions import Regions
from pipeline.model.image_map import ImageMap

DARK = "#000000c0"
EDGE = [withStroke(linewidth=3, foreground=DARK)]
BAR_LENGTHS_MM = (50, 20, 10, 5, 2, 1)
LABEL_LINE, LABEL_WIDTH = 0.026, 0.13  # size of a label, as a share of the picture's height


class LabelPlace(NamedTuple):
    """Where a label begins, in original pixels, and to which side it grows."""

    row: float
    col: float
    grows_right: bool


def show(axes: Axes, picture: np.ndarray, field: Field) -> None:
    """Show a grey or coloured picture; the axes then count in original pixels and stay so."""
    axes.imshow(picture, cmap="gray", vmin=0, vmax=1, extent=field.extent, interpolation="nearest")
    axes.autoscale(False)
    axes.set_axis_off()


def draw_outlines(axes: Axes, outlines: Iterable[Outline]) -> None:
    """Draw findings: solid where they count as abnormal, dotted where not."""
    for outline in outlines:
        style: dict[str, Any] = {"fill": False, "edgecolor": TRUTH, "linewidth": 2}
        style["linestyle"] = "-" if outline.positive else ":"
        shapes: list[Patch] = [Polygon(points[:, ::-1], **style) for points in outline.polygons]
        if circle := outline.circle:
            shapes.append(Circle((circle.col, circle.row), circle.radius, **style))
        for shape in shapes:
            axes.add_patch(shape)


def draw_regions(
    axes: Axes, image_map: ImageMap, regions: Regions, field: Field, *, label: Callable[[Any], str]
) -> None:
    """Outline the regions and write their labels beside them.

    Args:
        label: from a row of REGION_COLUMNS, as a tuple with names.
    """
    if regions.table.empty:
        return
    inside = np.pad((regions.areas > 0).astype(np.float32), 1)
    # One more position at each end, so that a region at the border is closed.
    cols, rows = (
        np.pad(axis, 1, mode="reflect", reflect_type="odd")
        for axis in (image_map.cols, image_map.rows)
    )
    axes.contour(cols, rows, inside, [0.5], colors=REGION)
    places = label_places(regions.table, field)
    for region, (row, col, grows_right) in zip(regions.table.itertuples(), places, strict=True):
        axes.annotate(
            label(region), (col, row), xytext=(6 if grows_right else -6, 0),
            textcoords="offset points", ha="left" if grows_right else "right", va="center",
            color=REGION, fontsize=13, weight="bold", path_effects=EDGE,
        )  # fmt: skip


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


def draw_scale_bar(axes: Axes, field: Field, *, spacing_mm: float, at_left: bool) -> None:
    """Draw a bar of a round length, about a fifth of the picture's width, at the lower edge."""
    width_mm = (field.right - field.left) * spacing_mm
    length_mm = next((mm for mm in BAR_LENGTHS_MM if mm <= width_mm / 4), BAR_LENGTHS_MM[-1])
    length = length_mm / spacing_mm
    margin = 0.03 * (field.bottom - field.top)
    start = field.left + margin if at_left else field.right - margin - length
    row = field.bottom - margin
    axes.plot(
        [start, start + length], [row, row], color=TEXT, linewidth=4, solid_capstyle="butt",
        path_effects=[withStroke(linewidth=6, foreground=DARK)],
    )  # fmt: skip
    axes.annotate(
        f"{length_mm} mm", (start + length / 2, row), xytext=(0, 6), textcoords="offset points",
        ha="center", color=TEXT, fontsize=12, path_effects=EDGE,
    )  # fmt: skip


def mark_synthetic(figure: Figure, panels: Iterable[Axes], *, at_left: bool) -> None:
    """Say in each panel and in the title that this is no patient."""
    figure.text(0.5, 0.955, "SYNTHETIC", color=WARNING, fontsize=20, weight="bold", ha="center")
    for axes in panels:
        axes.text(
            0.02 if at_left else 0.98, 0.98, "SYNTHETIC", transform=axes.transAxes,
            ha="left" if at_left else "right", va="top",
            color=WARNING, fontsize=13, weight="bold", path_effects=EDGE,
        )  # fmt: skip
