"""Candidates: the local maxima of a map, the points that FROC judges."""

import pandas as pd

from pipeline.model.maps import ImageMap
from pipeline.model.peaks import find_peaks

CANDIDATE_COLUMNS = ["rank", "row", "col", "logit", "probability"]


def find_candidates(
    image_map: ImageMap, *, distance_mm: float, pitch_mm: float, limit: int
) -> pd.DataFrame:
    """Local maxima of the map, best first.

    They are found on the logits, which do not saturate.

    Args:
        image_map: (h, w) map.
        distance_mm: smallest distance between two candidates.
        pitch_mm: distance between positions of the map.
        limit: at most so many.

    Returns:
        Table of CANDIDATE_COLUMNS; row and col in original pixels.
    """
    rows, cols = find_peaks(image_map.logit, min_distance_cells=distance_mm / pitch_mm, limit=limit)
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
