"""The audit of outlines: which cannot be right, being beside the breast or larger than it."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from pipeline.annotations.geometry import Geometry, geometry_of
from pipeline.annotations.outlines import Circle, Outline, Outlines
from pipeline.preprocess.audit.question import INFO, WARNING, finding
from pipeline.preprocess.store.entries import BREAST_CELL_PX, breast_at, read_breast

# The skin line is uncertain, and a lesion may lie at the skin or behind the film's edge.
LEAST_SHARE_INSIDE = 0.25
SMALLEST_RADIUS_MM = 2.0
# An outline is taken to be meant otherwise where so much of it would then lie in the breast.
_MEANT_SHARE = 0.9
_STEPS = 64
_NAMED = 5
_OTHERWISE = "; with {} it would lie in it"
# How else places may be meant, of (n, 2) rows and columns in an image of that last row and column.
_READINGS: dict[str, Callable[[np.ndarray, int, int], np.ndarray]] = {
    "rows and columns exchanged": lambda points, *_: points[:, ::-1],
    "columns counted from the right": lambda points, _, col: points * [1, -1] + [0, col],
    "rows counted from the bottom": lambda points, row, _: points * [-1, 1] + [row, 0],
}


@dataclass(frozen=True)
class Quarantined:
    """A finding whose outline is not used, and why."""

    image_id: str
    finding_id: str
    kind: str
    pathology: str
    reason: str


def audit_outlines(
    outlines: Outlines, quarantined: Sequence[Quarantined]
) -> tuple[dict, list[dict]]:
    """Which outlines cannot be right.

    Args:
        outlines: those that could be drawn, by image id.
        quarantined: those of them that are not used, and those that could not be drawn.

    Returns:
        `outlines` (how many) and `problems` (`image_id`, `finding_id` and `problem` of each that
        is wrong); and the finding.
    """
    problems = [
        {"image_id": each.image_id, "finding_id": each.finding_id, "problem": each.reason}
        for each in sorted(quarantined, key=lambda each: (each.image_id, each.finding_id))
    ]
    drawn = {(image_id, one.finding_id) for image_id, of in outlines.items() for one in of}
    count = len(drawn | {(each.image_id, each.finding_id) for each in quarantined})
    section = {"outlines": count, "problems": problems}
    if not problems:
        text = f"All {count} outlines lie in the breast and are smaller than it."
        return section, [finding(INFO, text)] if count else []
    named = "; ".join(f"{p['finding_id']}: {p['problem']}" for p in problems[:_NAMED])
    more = f"; and {len(problems) - _NAMED} more" if len(problems) > _NAMED else ""
    text = f"{len(problems)} of {count} outlines cannot be right and are not used: {named}{more}."
    texts = [each["problem"] for each in problems]
    meant = {of: sum(t.endswith(_OTHERWISE.format(of)) for t in texts) for of in _READINGS}
    reading, times = Counter(meant).most_common(1)[0]
    if times > max(len(problems) / 2, 1):
        text += (
            f" With {reading} {times} of them would lie in the breast: if the annotations count "
            "so, the others are wrong as well, also where they lie in a breast by chance."
        )
    return section, [finding(WARNING, text)]


def outline_problems(mammogram: Mapping, outlines: Sequence[Outline]) -> dict[str, str]:
    """What is wrong with the outlines of a mammogram, by finding id.

    Args:
        mammogram: row of mammograms.csv; its breast mask is read from the store.
        outlines: its outlines, in original pixels.
    """
    if not outlines:
        return {}
    geometry, breast = geometry_of(mammogram), read_breast(mammogram["store"])
    found = {}
    for outline in outlines:
        if problem := outline_problem(outline.to_standard(geometry), breast, geometry):
            meant = next(_other_readings(outline, breast, geometry), "")
            found[outline.finding_id] = problem + meant
    return found


def _other_readings(outline: Outline, breast: np.ndarray, geometry: Geometry) -> Iterator[str]:
    """How else an outline may be meant that lies outside the breast.

    Args:
        outline: in original pixels.
    """
    last = geometry.original_height - 1, geometry.original_width - 1
    for words, read in _READINGS.items():
        circle = outline.circle
        if circle:
            row, col = read(np.array([[circle.row, circle.col]]), *last)[0]
            circle = Circle(float(row), float(col), circle.radius)
        parts = tuple(read(polygon, *last) for polygon in outline.polygons)
        meant = replace(outline, circle=circle, polygons=parts).to_standard(geometry)
        inside, times = _share_and_size(meant, breast, geometry)
        if inside >= _MEANT_SHARE and times <= 1:
            yield _OTHERWISE.format(words)


def outline_problem(outline: Outline, breast: np.ndarray, geometry: Geometry) -> str:
    """What is wrong with the place or the size of an outline.

    Of the outline counts what lies on the film; it counts as at least 2 mm in radius.

    Args:
        outline: in pixels of the standard image.
        breast: (h, w) bool, its breast in cells of 8 x 8 standard pixels.
        geometry: of the standard image.

    Returns:
        "", or "lies outside the breast (7 % of it inside)", or "is larger than the breast (1.3
        times its area)".
    """
    inside, times = _share_and_size(outline, breast, geometry)
    if times == 0:
        return "lies outside the image"
    if inside < LEAST_SHARE_INSIDE:
        return f"lies outside the breast ({100 * inside:.0f} % of it inside)"
    return f"is larger than the breast ({times:.1f} times its area)" if times > 1 else ""


def _share_and_size(
    outline: Outline, breast: np.ndarray, geometry: Geometry
) -> tuple[float, float]:
    """Of what lies on the film: the share in the breast, and its area as a multiple of it."""
    rows, cols, area_px = _points_inside(outline, geometry)
    original_row, original_col = geometry.to_original(rows, cols)
    height, width = geometry.original_height, geometry.original_width
    on_film = (original_row >= -0.5) & (original_row < height - 0.5)
    on_film &= (original_col >= -0.5) & (original_col < width - 0.5)
    if not on_film.any():
        return 0.0, 0.0
    inside = float(breast_at(breast, rows[on_film], cols[on_film]).mean())
    return inside, area_px * float(on_film.mean()) / (float(breast.sum()) * BREAST_CELL_PX**2)


def _points_inside(outline: Outline, geometry: Geometry) -> tuple[np.ndarray, np.ndarray, float]:
    """Rows and columns of points that fill an outline evenly, (n,) each, and its area in px."""
    smallest = SMALLEST_RADIUS_MM / geometry.spacing_mm
    row0, col0, row1, col1 = outline.bounds
    starts = np.array([row0, col0]) - smallest
    steps = (np.array([row1, col1]) + smallest - starts) / _STEPS
    middles = starts[:, None] + steps[:, None] * (np.arange(_STEPS) + 0.5)  # (2, 64)
    rows, cols = np.meshgrid(*middles, indexing="ij")
    drawn = np.zeros(rows.shape, np.uint8)
    for disc in outline.discs(smallest):
        drawn[np.hypot(rows - disc.row, cols - disc.col) <= disc.radius] = 1
    for polygon in outline.polygons:
        points = (polygon - middles[:, 0]) / steps
        cv2.fillPoly(drawn, [np.rint(points[:, ::-1]).astype(np.int32)], 1)  # OpenCV wants (x, y)
    filled = drawn > 0
    return rows[filled], cols[filled], float(filled.sum() * steps[0] * steps[1])
