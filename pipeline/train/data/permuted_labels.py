"""A control: labels permuted among the positions of each image.

What is left to learn is nothing that a place shows. A network that still tells permuted held-out
labels apart has seen them, or tells images apart and not places.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.annotations.labels import IGNORED


def permute_labels(positions: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """Permute labels, each with its finding, among the positive and negative positions.

    Each image keeps its number of either, and its ignored positions. The permutation is a
    function of (seed, image), so training, validation and test may ask one after the other.

    Args:
        positions: rows of positions.parquet, whole images, ordered by row and column.
    """
    label = positions["label"].to_numpy().copy()
    finding = positions["finding_id"].to_numpy(object).copy()
    for image_id, rows in positions.groupby("image_id", sort=False).indices.items():
        known = rows[label[rows] != IGNORED]
        digest = hashlib.sha256(image_id.encode()).digest()
        random = np.random.default_rng([seed, int.from_bytes(digest[:8], "big")])
        moved = random.permutation(known)
        label[known], finding[known] = label[moved], finding[moved]
    return positions.assign(label=label, finding_id=finding)


@dataclass(frozen=True, eq=False)
class LabelTable:
    """The labels of the positions of one image."""

    labels: np.ndarray  # (h, w) int8 by row_index and col_index, ignored where there is no position
    pitch_px: int  # distance between positions in standard pixels

    def at(self, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
        """The label of the position nearest to each point, int8 of the broadcast shape."""
        row, col = (
            np.rint((np.asarray(at) + 0.5) / self.pitch_px).astype(int) for at in (rows, cols)
        )
        height, width = self.labels.shape
        known = (row >= 0) & (row < height) & (col >= 0) & (col < width)
        nearest = self.labels[row.clip(0, height - 1), col.clip(0, width - 1)]
        return np.where(known, nearest, np.int8(IGNORED))


def label_tables(positions: pd.DataFrame, *, pitch_px: int) -> dict[str, LabelTable]:
    """The labels of each image as a table, by image id.

    Args:
        positions: rows of positions.parquet.
        pitch_px: distance between them in standard pixels.
    """
    tables = {}
    for image_id, rows in positions.groupby("image_id"):
        at = rows["row_index"].to_numpy(), rows["col_index"].to_numpy()
        labels = np.full((at[0].max() + 1, at[1].max() + 1), IGNORED, np.int8)
        labels[at] = rows["label"].to_numpy()
        tables[image_id] = LabelTable(labels, pitch_px)
    return tables
