"""Candidates: the local maxima of a map, the points that it proposes as findings."""

import numpy as np
import pandas as pd
from scipy import ndimage

from pipeline.model.image_map import ImageMap
from pipeline.model.map_rule import MapRule

CANDIDATE_COLUMNS = ["rank", "row", "col", "logit", "probability"]
_NEIGHBOURS = np.ones((3, 3), dtype=bool)


def find_candidates(image_map: ImageMap, rule: MapRule) -> pd.DataFrame:
    """Local maxima of the map, best first; found on the logits, which do not saturate.

    Returns:
        Table of CANDIDATE_COLUMNS; row and col in original pixels.
    """
    rows, cols = find_peaks(
        image_map.logit, min_distance_cells=rule.candidate_cells, limit=rule.max_candidates
    )
    return pd.DataFrame(
        {
            "rank": range(1, len(rows) + 1),
            "row": image_map.rows[rows],
            "col": image_map.cols[cols],
            "logit": image_map.logit[rows, cols],
            "probability": image_map.probability[rows, cols],
        },
        columns=CANDIDATE_COLUMNS,
    )


def find_peaks(
    values: np.ndarray, *, min_distance_cells: float, limit: int
) -> tuple[np.ndarray, np.ndarray]:
    """Local maxima among the eight neighbours, best first.

    A plateau of equal values counts once, at its cell nearest to its centre of mass. Of two
    peaks nearer to each other than `min_distance_cells` only the better one stays (of equal
    ones the upper, then the left).

    Args:
        values: map of scores, NaN outside the breast, (h, w).
        min_distance_cells: smallest Euclidean distance between two peaks, in cells.
        limit: at most so many peaks.

    Returns:
        Row and column indices, int, (n,) each; n is 0 for a map without a finite value.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 2:
        raise ValueError(f"a map must have two axes, not {values.ndim}")
    rows, cols = _all_maxima(np.where(np.isnan(values), -np.inf, values))
    order = np.lexsort((cols, rows, -values[rows, cols]))
    rows, cols = rows[order], cols[order]
    kept: list[int] = []
    free = np.ones(len(rows), dtype=bool)
    while len(kept) < limit and free.any():
        best = int(np.argmax(free))  # the first that is free, the best by the order
        kept.append(best)
        free &= np.hypot(rows - rows[best], cols - cols[best]) >= min_distance_cells
        free[best] = False
    return rows[kept], cols[kept]


def _all_maxima(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One cell for each plateau (of one cell or more) without a higher neighbour."""
    if not values.size:
        return np.zeros(0, dtype=int), np.zeros(0, dtype=int)
    highest = ndimage.maximum_filter(values, footprint=_NEIGHBOURS, mode="nearest")
    top = (values == highest) & (values > -np.inf)
    # A flat shoulder of a higher summit: some of its cells see that summit, so they are not
    # `top`, and those beside them are equal to a neighbour that is not `top`.
    below = np.where(top, -np.inf, values)
    beside = ndimage.maximum_filter(below, footprint=_NEIGHBOURS, mode="nearest")
    plateau, count = ndimage.label(top, structure=_NEIGHBOURS)
    is_shoulder = np.zeros(count + 1, dtype=bool)
    is_shoulder[plateau[top & (beside == values)]] = True
    rows, cols = np.nonzero(top & ~is_shoulder[plateau])
    # Of each plateau the cell nearest to its centre of mass.
    _, index, size = np.unique(plateau[rows, cols], return_inverse=True, return_counts=True)
    mean_row, mean_col = np.bincount(index, rows) / size, np.bincount(index, cols) / size
    off_centre = np.hypot(rows - mean_row[index], cols - mean_col[index])
    order = np.lexsort((cols, rows, off_centre, index))
    chosen = order[np.unique(index[order], return_index=True)[1]]
    return rows[chosen], cols[chosen]
