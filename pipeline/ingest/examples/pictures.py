"""The phantom's pictures, one by one, for the builders of examples."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pipeline.config import PhantomSettings
from pipeline.ingest.phantom.picture import DrawnLesion, draw_picture
from pipeline.ingest.phantom.plan import PATHOLOGY, SIDES, VIEWS, plan_patient


@dataclass(frozen=True)
class ExamplePicture:
    """A synthetic mammogram.

    Attributes:
        woman: number of the patient, from 0.
        side, view: L or R; CC or MLO.
        pixels: (rows, columns) uint16 below 4096, dense tissue bright.
        breast: (rows, columns) bool.
        lesions: kind and outline, (n, 2) float64 of row, col.
    """

    woman: int
    side: str
    view: str
    pixels: np.ndarray
    breast: np.ndarray
    lesions: tuple[DrawnLesion, ...]


def example_pictures(women: int, *, spacing_mm: float, seed: int) -> Iterator[ExamplePicture]:
    """Four pictures of each woman; about every second one has lesions."""
    phantom = PhantomSettings(patients=max(women, 4), seed=seed, spacing_mm=spacing_mm)
    for woman in range(women):
        patient = plan_patient(woman, phantom)
        for side in SIDES:
            for view in VIEWS:
                picture = draw_picture(patient, side, view, phantom)
                yield ExamplePicture(
                    woman, side, view, picture.pixels, picture.breast, picture.lesions
                )


def pathology(lesion: DrawnLesion) -> str:
    """benign or malignant."""
    return PATHOLOGY[lesion.kind]
