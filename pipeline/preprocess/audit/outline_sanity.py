"""The audit of outlines: which cannot be right, being beside the breast or larger than it."""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
import pandas as pd

from pipeline.annotations.geometry import Geometry, geometry_of
from pipeline.annotations.outlines import Outline, Outlines, standard_outlines
from pipeline.preprocess.audit.question import INFO, WARNING, finding
from pipeline.preprocess.store.entries import BREAST_CELL_PX, breast_at, read_breast

# The skin line is uncertain, and a lesion may lie at the skin or behind the film's edge.
LEAST_SHARE_INSIDE = 0.25
SMALLEST_RADIUS_MM = 2.0
_STEPS = 64
_NAMED = 5


def audit_outlines(mammograms: pd.DataFrame, outlines: Outlines) -> tuple[dict, list[dict]]:
    """Which outlines cannot be right. Reads the breast masks of the store.

    Returns:
        `outlines` (how many) and `problems` (`image_id`, `finding_id` and `problem` of each that
        is wrong); and the finding.
    """
    problems = [
        {"image_id": row["image_id"], "finding_id": finding_id, "problem": problem}
        for row in mammograms.sort_values("image_id").to_dict("records")
        for finding_id, problem in outline_problems(row, outlines.get(row["image_id"], [])).items()
    ]
    count = sum(map(len, outlines.values()))
    section = {"outlines": count, "problems": problems}
    if not problems:
        text = f"All {count} outlines lie in the breast and are smaller than it."
        return section, [finding(INFO, text)] if count else []
    named = "; ".join(f"{p['finding_id']} {p['problem']}" for p in problems[:_NAMED])
    more = f"; and {len(problems) - _NAMED} more" if len(problems) > _NAMED else ""
    text = f"{len(problems)} of {count} outlines cannot be right: {named}{more}."
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
    original_row, original_col = geometry.to_original(rows, cols)
    height, width = geometry.original_height, geometry.original_width
    on_film = (original_row >= -0.5) & (original_row < height - 0.5)
    on_film &= (original_col >= -0.5) & (original_col < width - 0.5)
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
