"""The audit of outlines: which cannot be right, being beside the breast or larger than it."""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from pipeline.annotations.geometry import Geometry, geometry_of
from pipeline.annotations.outlines import Outline, standard_outlines
from pipeline.preprocess.audit.question import INFO, WARNING, AuditData, finding
from pipeline.preprocess.store.entries import BREAST_CELL_PX, breast_at, read_breast

# The skin line is uncertain, and a lesion may lie at the skin or behind the film's edge.
LEAST_SHARE_INSIDE = 0.25
SMALLEST_RADIUS_MM = 2.0
_STEPS = 64
_NAMED = 5


def audit_outlines(data: AuditData) -> tuple[dict, list[dict]]:
    """Which outlines cannot be right. Reads the breast masks of the store.

    Returns:
        `outlines` (how many) and `problems` (`image_id`, `finding_id` and `problem` of each that
        is wrong); and the finding.
    """
    problems = [
        {"image_id": mammogram["image_id"], "finding_id": finding_id, "problem": problem}
        for mammogram in data.mammograms.sort_values("image_id").to_dict("records")
        for finding_id, problem in outline_problems(
            mammogram, data.outlines.get(mammogram["image_id"], [])
        ).items()
    ]
    count = sum(len(found) for found in data.outlines.values())
    return {"outlines": count, "problems": problems}, _findings(problems, count)


def _findings(problems: list[dict[str, str]], count: int) -> list[dict]:
    if not count:
        return []
    if not problems:
        return [finding(INFO, f"All {count} outlines lie in the breast and are smaller than it.")]
    named = [f"{p['finding_id']} {p['problem']}" for p in problems[:_NAMED]]
    more = f"; and {len(problems) - _NAMED} more" if len(problems) > _NAMED else ""
    text = f"{len(problems)} of {count} outlines cannot be right: {'; '.join(named)}{more}."
    return [finding(WARNING, text)]


def outline_problems(mammogram: Mapping, outlines: Sequence[Outline]) -> dict[str, str]:
    """What is wrong with the outlines of a mammogram, by finding id.

    Args:
        mammogram: row of mammograms.csv; its breast mask is read from the store.
        outlines: its outlines, in original pixels.
    """
    if not outlines:
        return {}
    geometry, breast = geometry_of(mammogram), read_breast(mammogram["store"])
    return {
        outline.finding_id: problem
        for outline in standard_outlines(outlines, geometry)
        if (problem := outline_problem(outline, breast, geometry))
    }


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
    rows, cols, area_px = _points_inside(outline, geometry)
    on_film = _on_film(rows, cols, geometry)
    if not on_film.any():
        return "lies outside the image"
    inside = float(breast_at(breast, rows[on_film], cols[on_film]).mean())
    if inside < LEAST_SHARE_INSIDE:
        return f"lies outside the breast ({100 * inside:.0f} % of it inside)"
    times = area_px * float(on_film.mean()) / (float(breast.sum()) * BREAST_CELL_PX**2)
    if times > 1:
        return f"is larger than the breast ({times:.1f} times its area)"
    return ""


def _points_inside(outline: Outline, geometry: Geometry) -> tuple[np.ndarray, np.ndarray, float]:
    """Rows and columns of points that fill an outline evenly, (n,) each, and its area in px."""
    smallest = SMALLEST_RADIUS_MM / geometry.spacing_mm
    row0, col0, row1, col1 = outline.bounds
    rows, row_step = _centres(row0 - smallest, row1 + smallest)
    cols, col_step = _centres(col0 - smallest, col1 + smallest)
    grid_rows, grid_cols = np.meshgrid(rows, cols, indexing="ij")
    filled = np.zeros(grid_rows.shape, bool)
    for disc in outline.discs(smallest):
        filled |= np.hypot(grid_rows - disc.row, grid_cols - disc.col) <= disc.radius
    drawn = filled.astype(np.uint8)
    for polygon in outline.polygons:
        points = (polygon - (rows[0], cols[0])) / (row_step, col_step)
        cv2.fillPoly(drawn, [np.rint(points[:, ::-1]).astype(np.int32)], 1)  # OpenCV wants (x, y)
    filled = drawn > 0
    return grid_rows[filled], grid_cols[filled], float(filled.sum() * row_step * col_step)


def _centres(start: float, stop: float) -> tuple[np.ndarray, float]:
    """The middles of 64 equal steps, (64,), and the step."""
    step = (stop - start) / _STEPS
    return start + step * (np.arange(_STEPS) + 0.5), step


def _on_film(rows: np.ndarray, cols: np.ndarray, geometry: Geometry) -> np.ndarray:
    """Which points lie in the original image: (n,) bool."""
    rows, cols = geometry.to_original(rows, cols)
    height, width = geometry.original_height, geometry.original_width
    return (rows >= -0.5) & (rows < height - 0.5) & (cols >= -0.5) & (cols < width - 0.5)
