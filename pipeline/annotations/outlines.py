"""`Outline`: where a finding is, in one form from the catalog to the labels and the pictures.

RUN/outlines.json keeps the outlines of each image in pixels of the DICOM image. It is written and
read here and nowhere else.
"""

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from pipeline.annotations.geometry import Geometry
from pipeline.annotations.polygon import area_and_centroid, distance_to_polygon, hull_area
from pipeline.run.atomic import read_json, write_text
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder

# Parts that fill less than this share of their convex hull are no pieces of one lesion.
_SCATTERED = 0.5


@dataclass(frozen=True)
class Circle:
    """A circle in pixels."""

    row: float
    col: float
    radius: float


@dataclass(frozen=True)
class Outline:
    """The outline of one finding in one image, in pixels of the image it is used on."""

    finding_id: str
    kind: str
    pathology: str
    positive: bool  # the finding counts as abnormal; if not, its area is ignored
    circle: Circle | None = None  # where the annotation is one
    polygons: tuple[np.ndarray, ...] = ()  # else one (n, 2) float64 of (row, col) per part

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

    def discs(self, min_radius_px: float) -> Iterator[Circle]:
        """The circle, or discs in place of the parts of a finding that is small as a whole.

        It is small where none of its parts is as large as a disc of `min_radius_px`, and all
        together are neither, unless they lie scattered (single calcifications do, the pieces of
        one lesion do not). The largest part comes first; one whose centre lies in a disc that is
        there needs none.
        """
        if self.circle is not None:
            yield replace(self.circle, radius=max(self.circle.radius, min_radius_px))
            return
        measured = sorted(map(area_and_centroid, self.polygons), key=lambda part: -part[0])
        together = sum(area for area, _ in measured)
        if len(measured) > 1 and together < _SCATTERED * hull_area(np.concatenate(self.polygons)):
            together = measured[0][0]
        if math.sqrt(together / math.pi) >= min_radius_px:
            return
        placed: list[Circle] = []
        for _, (row, col) in measured:
            if all(math.hypot(row - p.row, col - p.col) > min_radius_px for p in placed):
                placed.append(Circle(row, col, min_radius_px))
        yield from placed

    def gap(
        self, rows: ArrayLike, cols: ArrayLike, *, min_radius_px: float, within_px: float
    ) -> np.ndarray:
        """Distance of points from the outline, which counts as at least `discs`.

        Args:
            rows, cols: coordinates, broadcast together.
            within_px: farther points need not be told apart.

        Returns:
            float64 of the broadcast shape in pixels: at most 0 inside, inf where far outside.
        """
        rows, cols = np.asarray(rows, np.float64), np.asarray(cols, np.float64)
        row0, col0, row1, col1 = self.bounds
        # The disc of a small finding may stand out of the box by its radius.
        margin = within_px + min_radius_px + 1.0
        in_rows = (rows >= row0 - margin) & (rows <= row1 + margin)
        near = in_rows & (cols >= col0 - margin) & (cols <= col1 + margin)
        gap = np.full(near.shape, np.inf)
        near_rows, near_cols = (np.broadcast_to(each, near.shape)[near] for each in (rows, cols))
        nearest = np.full(near_rows.shape, np.inf)
        for polygon in self.polygons:
            nearest = np.minimum(nearest, distance_to_polygon(near_rows, near_cols, polygon))
        for disc in self.discs(min_radius_px):
            from_centre = distance(near_rows, near_cols, (disc.row, disc.col))
            nearest = np.minimum(nearest, from_centre - disc.radius)
        gap[near] = nearest
        return gap

    def contains(
        self, rows: ArrayLike, cols: ArrayLike, *, min_radius_px: float = 0.0
    ) -> np.ndarray:
        """Whether points lie in the outline: bool of the broadcast shape, arguments as of `gap`."""
        return self.gap(rows, cols, min_radius_px=min_radius_px, within_px=0.0) <= 0

    def to_standard(self, geometry: Geometry) -> "Outline":
        """An outline in original pixels in pixels of the standard image.

        A circle stays a circle: the scales of rows and columns differ only by the rounding of
        the standard image's size, and their geometric mean is taken.
        """
        circle = None
        if self.circle is not None:
            row, col = geometry.to_standard(self.circle.row, self.circle.col)
            scale = math.sqrt(geometry.row_scale * geometry.col_scale)
            circle = Circle(float(row), float(col), self.circle.radius / scale)
        polygons = (
            np.stack(geometry.to_standard(polygon[:, 0], polygon[:, 1]), axis=1)
            for polygon in self.polygons
        )
        return replace(self, circle=circle, polygons=tuple(polygons))

    def curves(self) -> list[np.ndarray]:
        """Closed curves for drawing: (n, 2) arrays of (row, col), the first point repeated."""
        curves = [np.concatenate([polygon, polygon[:1]]) for polygon in self.polygons]
        if self.circle is not None:
            angle = np.linspace(0.0, 2 * math.pi, 73)
            directions = np.stack([np.sin(angle), np.cos(angle)], axis=1)
            curves.append(np.array(self.centre) + self.circle.radius * directions)
        return curves

    def shape(self) -> dict:
        """Circle and polygons for JSON."""
        circle = asdict(self.circle) if self.circle else None
        return {"circle": circle, "polygons": [polygon.tolist() for polygon in self.polygons]}


# By image id.
Outlines = Mapping[str, Sequence[Outline]]


def distance(rows: np.ndarray, cols: np.ndarray, point: tuple[float, float]) -> np.ndarray:
    """Distance of points from the point (row, col), of the broadcast shape."""
    from_row, from_col = rows - point[0], cols - point[1]
    return np.sqrt(from_row * from_row + from_col * from_col)


def standard_outlines(outlines: Iterable[Outline], geometry: Geometry) -> list[Outline]:
    """Outlines in original pixels in pixels of the standard image."""
    return [outline.to_standard(geometry) for outline in outlines]


def write_outlines(run: RunFolder, outlines: Outlines) -> None:
    """Write outlines.json: image id to outlines, in original pixels, one image per line."""
    lines = []
    for image_id in sorted(outlines):
        entries = [asdict(outline) | outline.shape() for outline in outlines[image_id]]
        lines.append(f"{json.dumps(image_id)}: {json.dumps(entries, allow_nan=False)}")
    write_text(run.outlines, "{\n" + ",\n".join(lines) + "\n}\n")


def read_outlines(run: RunFolder) -> dict[str, list[Outline]]:
    """Read outlines.json; an image without findings has an empty list.

    Raises:
        UserError: it is missing or damaged.
    """
    if not run.outlines.is_file():
        raise UserError(f"{run.outlines} is missing. make preprocess writes it.")
    try:
        content = read_json(run.outlines)
        return {image_id: [_outline(e) for e in entries] for image_id, entries in content.items()}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(
            f"{run.outlines} is damaged: {error!r}. make preprocess FORCE=1 writes it anew."
        ) from error


def _outline(entry: dict) -> Outline:
    circle, polygons = entry.pop("circle"), entry.pop("polygons")
    return Outline(
        **entry,
        circle=Circle(**circle) if circle else None,
        polygons=tuple(np.asarray(points, np.float64).reshape(-1, 2) for points in polygons),
    )
