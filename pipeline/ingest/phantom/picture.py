"""One synthetic mammogram: tissue, confusers, lesions, noise, borders; 12 bit."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from pipeline.config import PhantomSettings
from pipeline.ingest.phantom.anatomy import Anatomy, make_anatomy, make_body
from pipeline.ingest.phantom.borders import AIR, add_surroundings
from pipeline.ingest.phantom.lesions import CONFUSERS, draw_lesion
from pipeline.ingest.phantom.plan import PATHOLOGY, SIDES, STRENGTH, VIEWS, Patient, Stream, stream
from pipeline.ingest.phantom.tissue import draw_tissue

WHITE = 4095  # 12 bit
NOISE = 16.0  # standard deviation of the detector's noise, in grey values
LESION_MARGIN_MM = 4.0  # lesions keep this distance from skin, edges and each other
# Row, col and radius of a disc that something takes up, in pixels.
Taken = tuple[float, float, float]


@dataclass(frozen=True)
class DrawnLesion:
    """A lesion of the plan in one view."""

    number: int  # of the patient's plan
    kind: str
    outline: np.ndarray  # (points, 2) float64 row, col in pixels of the picture

    @property
    def pathology(self) -> str:
        """benign or malignant."""
        return PATHOLOGY[self.kind]

    def mask(self, shape: tuple[int, int]) -> np.ndarray:
        """The filled outline on a picture of that shape: (rows, columns) uint8 of 0 and 1."""
        mask = np.zeros(shape, np.uint8)
        cv2.fillPoly(mask, [np.rint(self.outline[:, ::-1]).astype(np.int32)], 1)
        return mask


@dataclass(frozen=True)
class Picture:
    """Pixels as they are shown, before polarity, and what is in them."""

    patient: int  # its index, from 0
    side: str  # L or R
    view: str  # CC or MLO
    pixels: np.ndarray  # (rows, columns) uint16, dense tissue bright
    breast: np.ndarray  # (rows, columns) bool
    lesions: tuple[DrawnLesion, ...]


def draw_picture(patient: Patient, side: str, view: str, phantom: PhantomSettings) -> Picture:
    """Draw one of the four views of a patient.

    Lesions are added last and draw from streams of their own, so that the same patient
    without lesions has the same picture everywhere else.
    """
    key = (patient.index, SIDES.index(side), VIEWS.index(view))
    seed, spacing_mm = phantom.seed, phantom.spacing_mm
    anatomy = make_anatomy(
        make_body(patient.index, phantom),
        view,
        spacing_mm=spacing_mm,
        rng=stream(seed, Stream.OUTLINE, *key),
    )
    grey = draw_tissue(anatomy, stream(seed, Stream.TISSUE, *key))
    taken = _add_confusers(grey, anatomy, phantom, stream(seed, Stream.CONFUSERS, *key))
    lesions = _add_lesions(grey, anatomy, patient, side, taken, phantom, key)
    noise = stream(seed, Stream.NOISE, *key).standard_normal(grey.shape, dtype=np.float32)
    grey = np.where(anatomy.breast, np.maximum(grey + NOISE * noise, AIR), 0)
    breast = anatomy.breast
    if side == "R":
        grey, breast = (np.ascontiguousarray(part[:, ::-1]) for part in (grey, breast))
        across = np.array([0, grey.shape[1] - 1])
        lesions = [replace(x, outline=across + x.outline * (1, -1)) for x in lesions]
    pixels = add_surroundings(
        grey,
        breast,
        text=f"{side} {view}",
        wall_left=side == "L",
        film=patient.film,
        spacing_mm=spacing_mm,
        noise=noise,
    )
    pixels = np.clip(np.rint(pixels), 0, WHITE).astype(np.uint16)
    return Picture(patient.index, side, view, pixels, breast, tuple(lesions))


def _add_confusers(
    grey: np.ndarray, anatomy: Anatomy, phantom: PhantomSettings, rng: np.random.Generator
) -> list[Taken]:
    """Add all confusers in place; return what they take up."""
    taken: list[Taken] = []
    for draw, lowest, highest in CONFUSERS:
        for _ in range(int(rng.integers(lowest, highest + 1))):
            contrast = rng.uniform(*STRENGTH) * phantom.contrast
            signal, radius_mm = draw(phantom.spacing_mm, rng)
            row, col = choose_place(anatomy, radius_mm, taken, rng)
            add_stamp(grey, (signal * contrast).astype(np.float32), row, col)
            if radius_mm:
                taken.append((row, col, radius_mm / phantom.spacing_mm))
    return taken


def _add_lesions(
    grey: np.ndarray,
    anatomy: Anatomy,
    patient: Patient,
    side: str,
    taken: list[Taken],
    phantom: PhantomSettings,
    key: tuple[int, int, int],
) -> list[DrawnLesion]:
    """Add the lesions of a breast, and what they take up, in place."""
    drawn = []
    for number, lesion in enumerate(patient.lesions):
        if lesion.side != side:
            continue
        signal, outline = draw_lesion(
            lesion.kind,
            radius_mm=lesion.radius_mm,
            contrast=lesion.strength * phantom.contrast,
            spacing_mm=phantom.spacing_mm,
            rng=stream(phantom.seed, Stream.SHAPES, *key, number),
        )
        places = stream(phantom.seed, Stream.PLACES, *key, number)
        at = choose_place(anatomy, lesion.radius_mm, taken, places, depth_share=lesion.depth_share)
        add_stamp(grey, signal, *at)
        taken.append((*at, lesion.radius_mm / phantom.spacing_mm))
        drawn.append(DrawnLesion(number, lesion.kind, outline + np.array(at)))
    return drawn


def choose_place(
    anatomy: Anatomy,
    radius_mm: float,
    taken: list[Taken],
    rng: np.random.Generator,
    *,
    depth_share: float | None = None,
) -> tuple[int, int]:
    """A random pixel in the breast with room for `radius_mm` around it.

    Args:
        taken: what must stay free; ignored if there is no room.
        depth_share: prefer this place between chest wall and skin.
    """
    spacing_mm = anatomy.spacing_mm
    step = max(1, round(1 / spacing_mm))  # a grid of 1 mm is fine enough
    rows, cols = (np.arange(0, n, step) for n in anatomy.breast.shape)
    need = (radius_mm + LESION_MARGIN_MM) / spacing_mm
    coarse = np.ix_(rows, cols)
    free = anatomy.skin_mm[coarse] > radius_mm + LESION_MARGIN_MM
    free &= ((rows > need) & (rows < anatomy.breast.shape[0] - need))[:, None]
    free &= (cols > need)[None, :]
    free &= anatomy.muscle[coarse] < 0.1
    clear = free.copy()
    for row, col, radius in taken:
        clear &= np.hypot(rows[:, None] - row, cols[None, :] - col) > radius + need
    allowed = clear if clear.any() else free
    weight = allowed.astype(np.float64)
    if depth_share is not None:
        weight *= np.exp(-0.5 * ((anatomy.depth_share[coarse] - depth_share) / 0.06) ** 2) + 1e-6
    index = rng.choice(weight.size, p=weight.ravel() / weight.sum())
    return int(rows[index // cols.size]), int(cols[index % cols.size])


def add_stamp(grey: np.ndarray, signal: np.ndarray, row: int, col: int) -> None:
    """Add a square drawing centred on a pixel, in place; what leaves the picture is cut off."""
    half = signal.shape[0] // 2
    top, left = max(0, row - half), max(0, col - half)
    bottom, right = min(grey.shape[0], row + half + 1), min(grey.shape[1], col + half + 1)
    grey[top:bottom, left:right] += signal[
        top - row + half : bottom - row + half, left - col + half : right - col + half
    ]
