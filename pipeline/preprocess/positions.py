"""Positions: the regular grid of points that get a label and a probability."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from pipeline.annotations.geometry import geometry_of
from pipeline.annotations.labels import IGNORED, NEGATIVE, LabelRule, finding_at, label_points
from pipeline.annotations.outlines import Outline
from pipeline.preprocess.store.entries import breast_at


def position_grid(height: int, width: int, pitch_px: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the positions of an image.

    Args:
        height, width: size of the standard image in pixels.
        pitch_px: distance between positions in pixels.

    Returns:
        Two 1-D float64 arrays: k * pitch_px - 0.5, k = 0 ... ceil(n / pitch_px). The first is
        the image's upper (left) edge, the last lies at or beyond its lower (right) edge.

    Example:
        >>> position_grid(5, 4, 2)
        (array([-0.5,  1.5,  3.5,  5.5]), array([-0.5,  1.5,  3.5]))
    """
    rows, cols = (
        np.arange(math.ceil(size / pitch_px) + 1) * float(pitch_px) - 0.5
        for size in (height, width)
    )
    return rows, cols


def label_positions(
    mammogram: Mapping,
    outlines: Sequence[Outline],
    breast: np.ndarray,
    rule: LabelRule,
    pitch_px: int,
) -> pd.DataFrame:
    """The rows of the patch table of one mammogram: its positions in the breast.

    Args:
        mammogram: row of mammograms.csv. Where it is unlocated (something abnormal may be where
            nobody outlined it), positions outside the outlines are ignored instead of negative.
        outlines: all its outlines, in standard pixels.
        breast: its breast mask, as kept in the store.
        rule: the label rule in standard pixels.
        pitch_px: distance between positions in standard pixels.

    Returns:
        Columns of positions.parquet, ordered by row and column.
    """
    rows, cols = position_grid(int(mammogram["height"]), int(mammogram["width"]), pitch_px)
    row_index, col_index = np.nonzero(breast_at(breast, rows[:, None], cols[None, :]))
    row, col = rows[row_index], cols[col_index]
    original_row, original_col = geometry_of(mammogram).to_original(row, col)
    label = label_points(row, col, outlines, rule)
    if mammogram["unlocated"]:
        label[label == NEGATIVE] = IGNORED
    return pd.DataFrame(
        {
            "image_id": mammogram["image_id"],
            "patient_id": mammogram["patient_id"],
            "split": mammogram["split"],
            "row_index": row_index.astype(np.int32),
            "col_index": col_index.astype(np.int32),
            "row": original_row,
            "col": original_col,
            "row_standard": row.astype(np.float32),
            "col_standard": col.astype(np.float32),
            "label": label,
            "finding_id": finding_at(row, col, outlines, rule),
        }
    )
