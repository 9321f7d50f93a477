"""Outlines of findings: from outlines.json (original pixels) to the standard image, and drawn."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from pipeline.annotations.geometry import Geometry
from pipeline.annotations.polygon import area_and_centroid


@dataclass(frozen=True)
class Circle:
    """A circle in pixels."""

    row: float
    col: float
    radius: float


@dataclass(frozen=True)
class Outline:
    """The outline of one finding in one image, in pixels of the image it is used on.

    Attributes:
        positive: the finding counts as abnormal; if not, its area is ignored.
        circle: the annotation where it is a circle, else None.
        polygons: one (n, 2) float64 array of (row, col) per part, else empty.
    """

    finding_id: str
    kind: str
    pathology: str
    positive: bool
    circle: Circle | None = None
    polygons: tuple[np.ndarray, ...] = ()

    @cached_property
    def centre(self) -> tuple[float, float]:
        """Centre (row, col) of the circle, or centroid of all parts, weighted by area."""
        if self.circle is not None:
            return self.circle.row, self.circle.col
        measured = [area_and_centroid(polygon) for polygon in self.polygons]
        areas = [area for area, _ in measured]
        # Single points have no area: they count alike.
        weights = areas if sum(areas) > 0 else [1.0] * len(areas)
        row, col = np.average([centre for _, centre in measured], axis=0, weights=weights)
        return float(row), float(col)

    @cached_property
    def bounds(self) -> tuple[float, float, float, float]:
        """Box (row0, col0, row1, col1) around all parts."""
        if self.circle is not None:
            row, col, radius = self.circle.row, self.circle.col, self.circle.radius
            return row - radius, col - radius, row + radius, col + radius
        points = np.concatenate(self.polygons)
        (row0, col0), (row1, col1) = points.min(axis=0), points.max(axis=0)
        return float(row0), float(col0), float(row1), float(col1)


def original_outlines(entries: Sequence[Mapping]) -> list[Outline]:
    """The outlines of one image of outlines.json, in original pixels."""
    return [
        Outline(
            finding_id=entry["finding_id"],
            kind=entry["kind"],
            pathology=entry["pathology"],
            positive=entry["positive"],
            circle=Circle(**entry["circle"]) if entry["circle"] else None,
            polygons=tuple(np.asarray(p, np.float64).reshape(-1, 2) for p in entry["polygons"]),
        )
        for entry in entries
    ]


def standard_outlines(entries: Sequence[Mapping], geometry: Geometry) -> list[Outline]:
    """The outlines of one image of outlines.json, in pixels of the standard image.

    A circle stays a circle: the scales of rows and columns differ only by the rounding of
    the standard image's size, and their geometric mean is taken.
    """
    return [_to_standard(outline, geometry) for outline in original_outlines(entries)]


def outline_curves(outline: Outline) -> list[np.ndarray]:
    """Closed curves for drawing: (n, 2) arrays of (row, col), the first point repeated."""
    curves = [np.concatenate([polygon, polygon[:1]]) for polygon in outline.polygons]
    if outline.circle is not None:
        angle = np.linspace(0.0, 2 * math.pi, 73)
        centre = np.array([outline.circle.row, outline.circle.col])
        directions = np.stack([np.sin(angle), np.cos(angle)], axis=1)
        curves.append(centre + outline.circle.radius * directions)
    return curves


def outline_mask(outline: Outline, shape: tuple[int, int]) -> np.ndarray:
    """Bool image of the given (height, width), True inside the outline as annotated."""
    mask = np.zeros(shape, np.uint8)
    for curve in outline_curves(outline):
        points = np.rint(curve[:, ::-1]).astype(np.int32)  # OpenCV wants (x, y)
        cv2.fillPoly(mask, [points], 1)
    return mask.astype(bool)


def _to_standard(outline: Outline, geometry: Geometry) -> Outline:
    circle = None
    if outline.circle is not None:
        row, col = geometry.to_standard(outline.circle.row, outline.circle.col)
        scale = math.sqrt(geometry.row_scale * geometry.col_scale)
        circle = Circle(float(row), float(col), outline.circle.radius / scale)
    polygons = tuple(
        np.stack(geometry.to_standard(polygon[:, 0], polygon[:, 1]), axis=1)
        for polygon in outline.polygons
    )
    return Outline(
        finding_id=outline.finding_id,
        kind=outline.kind,
        pathology=outline.pathology,
        positive=outline.positive,
        circle=circle,
        polygons=polygons,
    )
