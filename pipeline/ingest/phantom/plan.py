"""Who is abnormal, how each patient's files look, and the random streams that all draw from.

Patients come in pairs of consecutive numbers. Both women of a pair have the same transfer
syntax, polarity, borders and label; which of them is abnormal is drawn at random. So nothing
outside the breast can tell about lesions, whatever the number of patients.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from pipeline.config import PhantomSettings

PATHOLOGY = {
    "mass_smooth": "benign",
    "mass_spiculated": "malignant",
    "microcalcifications": "malignant",
}
KINDS = tuple(PATHOLOGY)
RADIUS_MM = (4.0, 7.0)  # of a mass without its spicules, or of a cluster
# Some lesions are plain and some are hardly there; confusers likewise.
STRENGTH = (0.4, 1.7)
SIDES = ("L", "R")
VIEWS = ("CC", "MLO")
SYNTAXES = ("explicit", "rle", "jpeg2000", "jpeg_lossless")


# What random numbers are for: drawing more for one purpose changes no other.
Stream = IntEnum(
    "Stream",
    "PAIR LESIONS BODY OUTLINE TISSUE CONFUSERS PLACES SHAPES NOISE READER",
    start=0,
)


def stream(seed: int, purpose: Stream, *indices: int) -> np.random.Generator:
    """The generator for a purpose and, say, patient, side and view."""
    return np.random.default_rng([seed, int(purpose), *indices])


@dataclass(frozen=True)
class PlannedLesion:
    """A lesion of one breast, as far as both views share it."""

    side: str
    kind: str
    radius_mm: float
    strength: float  # factor on its contrast
    depth_share: float  # 0 at the chest wall, 1 at the skin


@dataclass(frozen=True)
class Patient:
    """One synthetic woman."""

    index: int
    lesions: tuple[PlannedLesion, ...]
    syntax: str
    inverted: bool  # MONOCHROME1
    film: bool  # white film borders and a sticker

    @property
    def patient_id(self) -> str:
        return f"SYNTHETIC-{self.index + 1:04d}"

    def image_id(self, side: str, view: str) -> str:
        return f"{self.patient_id}-{side}-{view}"


def plan_patient(index: int, phantom: PhantomSettings) -> Patient:
    """The plan of patient `index` (from 0); it depends on no other patient."""
    pair = index // 2
    return Patient(
        index=index,
        lesions=_plan_lesions(index, phantom) if is_abnormal(index, phantom) else (),
        syntax=SYNTAXES[pair % len(SYNTAXES)],
        inverted=(pair // len(SYNTAXES)) % 2 == 1,
        film=pair % 3 == 2,
    )


def is_abnormal(index: int, phantom: PhantomSettings) -> bool:
    """Whether the patient has lesions; in every run of patients the share is kept.

    With a share of one half exactly one woman of each pair is abnormal.
    """
    pair, member = divmod(index, 2)
    swapped = stream(phantom.seed, Stream.PAIR, pair).integers(2)
    place = 2 * pair + (member ^ int(swapped))
    share = phantom.abnormal_share
    return int(np.floor((place + 1) * share)) > int(np.floor(place * share))


def _plan_lesions(index: int, phantom: PhantomSettings) -> tuple[PlannedLesion, ...]:
    rng = stream(phantom.seed, Stream.LESIONS, index)
    count = int(rng.integers(2, 5))
    first = int(rng.integers(len(KINDS)))
    return tuple(
        PlannedLesion(
            side=SIDES[rng.integers(2)],
            kind=KINDS[(first + n) % len(KINDS)],
            radius_mm=float(rng.uniform(*RADIUS_MM)),
            strength=float(rng.uniform(*STRENGTH)),
            depth_share=float(rng.uniform(0.15, 0.85)),
        )
        for n in range(count)
    )
