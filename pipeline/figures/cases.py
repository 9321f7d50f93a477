"""What metrics are computed from: arrays of units with a truth, a score and a patient each."""

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from pipeline.figures.froc import Matches


class Need(StrEnum):
    """The unit that a metric counts, and so what must be known."""

    POSITIONS = "positions"  # their labels, so the outlines
    IMAGES = "images"  # which are abnormal and which normal
    BREASTS = "breasts"  # the same
    PATIENTS = "patients"  # the same
    LESIONS = "lesions"  # the outlines, and the candidates of the maps


@dataclass(frozen=True, eq=False)
class Scored:
    """Units of one kind that a score should tell apart.

    Attributes:
        labels: 0 or 1, (n,).
        scores: calibrated logits, or what a baseline gives, (n,) float64.
        patient: index of the patient of each, (n,) int64.
        weights: how much each counts, (n,); all alike if absent.
    """

    labels: np.ndarray
    scores: np.ndarray
    patient: np.ndarray
    weights: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def scored_by(self, scores: np.ndarray) -> "Scored":
        """The same units with other scores, (n,)."""
        return replace(self, scores=scores)


@dataclass(frozen=True, eq=False)
class Searched:
    """Images that were searched for lesions.

    Attributes:
        matches: what became of lesions and candidates.
        patient_of_image: index of the patient of each image, (images,) int64.
    """

    matches: Matches
    patient_of_image: np.ndarray

    def __len__(self) -> int:
        return len(self.matches.lesion_scores)
