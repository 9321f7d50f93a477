"""Coordinates: pixels of the DICOM image (original) and of the standardised mammogram (standard).

Both are (row, col), 0-based, with pixel centres at integers. The standard image is the crop
box of the original, resampled, and mirrored where that brings the chest wall to the left.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_type_hints

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Geometry:
    """How the standard image lies in the original one."""

    original_height: int  # of the DICOM image in pixels
    original_width: int
    height: int  # of the standard image in pixels
    width: int
    row0: int  # first row and column of the crop box in the original image, before mirroring
    col0: int
    row_scale: float  # original pixels per standard pixel (box size / standard size)
    col_scale: float
    flipped: bool  # the columns of the box are mirrored
    spacing_mm: float  # of the standard image

    @property
    def box(self) -> tuple[slice, slice]:
        """Rows and columns of the crop box in the original image."""
        height, width = round(self.height * self.row_scale), round(self.width * self.col_scale)
        return slice(self.row0, self.row0 + height), slice(self.col0, self.col0 + width)

    def to_original(self, rows: ArrayLike, cols: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Standard coordinates to original ones; float64 arrays of the given shapes."""
        box_rows = (np.asarray(rows, np.float64) + 0.5) * self.row_scale - 0.5
        box_cols = (np.asarray(cols, np.float64) + 0.5) * self.col_scale - 0.5
        return self.row0 + box_rows, self.col0 + self._mirror(box_cols)

    def to_standard(self, rows: ArrayLike, cols: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Original coordinates to standard ones; float64 arrays of the given shapes."""
        box_rows = np.asarray(rows, np.float64) - self.row0
        box_cols = self._mirror(np.asarray(cols, np.float64) - self.col0)
        return (box_rows + 0.5) / self.row_scale - 0.5, (box_cols + 0.5) / self.col_scale - 0.5

    def _mirror(self, box_cols: np.ndarray) -> np.ndarray:
        return self.width * self.col_scale - 1 - box_cols if self.flipped else box_cols


def geometry_of(mammogram: Mapping) -> Geometry:
    """The geometry in a row of mammograms.csv."""
    return Geometry(
        **{name: kind(mammogram[name]) for name, kind in get_type_hints(Geometry).items()}
    )
