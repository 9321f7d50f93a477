"""The plane of a mammogram's pixels in a frame of reference of its own, for the parametric map.

PS3.3 A.75 asks of a Parametric Map where it lies in three dimensions. A projection does not say
that; but its detector is a plane, pixels have a size in it, and (0020,0010) Patient Orientation
tells how its rows and columns run through the patient. So the map's frame of reference has its
origin in the centre of the mammogram's first pixel and says nothing of any other image.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from pipeline.dicom.elements import words

THICKNESS_MM = 1.0  # macros of a plane want one, and a projection has none
# Unit vectors of PS3.3 C.7.6.2.1.1: x to the patient's left, y to the back, z to the head.
_DIRECTIONS = {
    "L": (1, 0, 0),
    "R": (-1, 0, 0),
    "P": (0, 1, 0),
    "A": (0, -1, 0),
    "H": (0, 0, 1),
    "F": (0, 0, -1),
}


@dataclass(frozen=True)
class DetectorPlane:
    """Directions of a mammogram's pixels, and their size."""

    along_row: np.ndarray  # (3,) unit vector in which columns count up
    along_column: np.ndarray  # (3,) unit vector, perpendicular, in which rows count up
    spacing_mm: float  # of the mammogram's pixels

    def position(self, row: float, col: float) -> tuple[float, float, float]:
        """Where a pixel of the mammogram lies, in mm from the centre of its first."""
        x, y, z = (col * self.along_row + row * self.along_column) * self.spacing_mm
        return float(x), float(y), float(z)


def detector_plane(source: Dataset, mammogram: Mapping[str, Any]) -> DetectorPlane | None:
    """The plane of a mammogram; None where nobody knows how it lies in the patient.

    Args:
        source: its header.
        mammogram: row of mammograms.csv.
    """
    letters = patient_orientation(source) or _usual_orientation(mammogram)
    if not letters:
        return None
    row, column = (_direction(each) for each in letters)
    column = column - (column @ row) * row  # FL and AL, say, are no right angle
    length = np.linalg.norm(column)
    if not length:
        return None
    return DetectorPlane(row, column / length, float(mammogram["original_spacing_mm"]))


def patient_orientation(source: Dataset) -> list[str]:
    """The two values of Patient Orientation; none where they are no directions."""
    letters = words(source, "PatientOrientation")
    known = len(letters) == 2 and all(set(each) <= _DIRECTIONS.keys() for each in letters)
    return letters if known and all(np.any(_direction(each)) for each in letters) else []


def _direction(letters: str) -> np.ndarray:
    total = np.array([_DIRECTIONS[letter] for letter in letters], np.float64).sum(axis=0)
    return total / (np.linalg.norm(total) or 1.0)


def _usual_orientation(mammogram: Mapping[str, Any]) -> list[str]:
    """For wrapped films: by the side of the chest wall, the lateral or upper edge on top."""
    side, view = mammogram["laterality"], mammogram["view"]
    if side not in ("L", "R") or view not in ("CC", "MLO"):
        return []
    to_medial = "R" if side == "L" else "L"
    return [
        "P" if mammogram["flipped"] else "A",
        to_medial if view == "CC" else f"F{to_medial}",
    ]
