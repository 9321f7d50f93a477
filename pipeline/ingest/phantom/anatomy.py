"""The breast of a patient in one view: outline, depth below the skin, gland and muscle.

Everything is drawn as a left breast, the chest wall at column 0; right ones are mirrored at
the end.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.config import PhantomSettings
from pipeline.ingest.phantom.plan import Stream, stream

# A detector of 24 x 18 cm, the smaller of the two usual sizes.
DETECTOR_MM = (240.0, 180.0)


@dataclass(frozen=True)
class Body:
    """What all four views of a woman share."""

    depth_mm: float  # chest wall to nipple
    half_height_mm: float
    density: float  # 0 fatty, 1 dense
    fullness: float  # exponent of the outline


@dataclass(frozen=True)
class Anatomy:
    """One breast in one view; all arrays have the shape of the picture."""

    breast: np.ndarray  # bool
    skin_mm: np.ndarray  # float32, distance to the skin, 0 outside
    depth_share: np.ndarray  # float32, 0 at the chest wall, 1 at the skin
    gland: np.ndarray  # float32 in [0, 1], where fibroglandular tissue may be
    muscle: np.ndarray  # float32 in [0, 1], pectoral muscle
    body: Body
    spacing_mm: float


def picture_shape(spacing_mm: float) -> tuple[int, int]:
    """Rows and columns of a picture."""
    return round(DETECTOR_MM[0] / spacing_mm), round(DETECTOR_MM[1] / spacing_mm)


def make_body(index: int, phantom: PhantomSettings) -> Body:
    """Size and density of patient `index`."""
    rng = stream(phantom.seed, Stream.BODY, index)
    depth_mm = rng.uniform(68, 108)
    return Body(
        depth_mm=depth_mm,
        half_height_mm=depth_mm * rng.uniform(0.78, 0.92),
        density=rng.uniform(0, 1),
        fullness=rng.uniform(2.0, 2.6),
    )


def make_anatomy(body: Body, view: str, *, spacing_mm: float, rng: np.random.Generator) -> Anatomy:
    """Draw one view of a body."""
    shape = picture_shape(spacing_mm)
    y = (np.arange(shape[0], dtype=np.float32) + 0.5)[:, None] * spacing_mm  # mm from the top
    x = (np.arange(shape[1], dtype=np.float32) + 0.5)[None, :] * spacing_mm  # mm from the wall
    outline = _cc_outline if view == "CC" else _mlo_outline
    reach, nipple_mm = outline(body, y[:, 0], rng)  # (rows,) mm
    breast = x < reach[:, None]
    muscle = _muscle(x, y, reach, rng) if view == "MLO" else np.zeros(shape, np.float32)
    return Anatomy(
        breast=breast,
        skin_mm=_distance_to_skin(breast, spacing_mm),
        depth_share=np.where(breast, x / np.maximum(reach, 1)[:, None], 1).astype(np.float32),
        gland=_gland(body, x, y, reach, nipple_mm, muscle),
        muscle=muscle,
        body=body,
        spacing_mm=spacing_mm,
    )


def _cc_outline(body: Body, y: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    centre = DETECTOR_MM[0] / 2 + rng.uniform(-6, 6)
    half = body.half_height_mm * rng.uniform(0.97, 1.03)
    t = (y - centre) / half
    t = t + rng.uniform(-0.12, 0.12) * (1 - t**2) * (np.abs(t) < 1)  # not quite symmetric
    reach = body.depth_mm * _rounded(np.abs(t), body.fullness)
    return reach + _nipple(y, centre, rng), centre


def _mlo_outline(body: Body, y: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    nipple = rng.uniform(118, 135)
    bottom = nipple + body.half_height_mm * rng.uniform(0.95, 1.05)
    axilla = rng.uniform(0.5, 0.62)  # width at the upper edge, as a share of the depth
    above = np.clip(y / nipple, 0, 1)
    upper = axilla + (1 - axilla) * np.sin(np.pi / 2 * above) ** 1.5
    lower = _rounded(np.clip((y - nipple) / (bottom - nipple), 0, 1), body.fullness)
    reach = body.depth_mm * np.where(y < nipple, upper, lower)
    return reach + _nipple(y, nipple, rng), nipple


def _rounded(t: np.ndarray, fullness: float) -> np.ndarray:
    return np.clip(1 - t**fullness, 0, None) ** (1 / fullness + 0.1)


def _nipple(y: np.ndarray, centre: float, rng: np.random.Generator) -> np.ndarray:
    return rng.uniform(1, 4) * np.exp(-(((y - centre) / 4) ** 4))


def _distance_to_skin(breast: np.ndarray, spacing_mm: float) -> np.ndarray:
    # The picture's edge is no skin: the breast goes on behind it.
    inside = cv2.copyMakeBorder(breast.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    distance = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # Its last bit depends on the number of threads, but its square is a whole number.
    exact = np.sqrt(np.rint(distance[1:-1, 1:-1].astype(np.float64) ** 2))
    return (exact * spacing_mm).astype(np.float32)


def _muscle(x, y, reach, rng: np.random.Generator) -> np.ndarray:
    width = reach[0] * rng.uniform(0.5, 0.75)  # mm at the upper edge
    height = rng.uniform(85, 125)  # mm along the chest wall
    bulge = rng.uniform(0, 0.12)
    t = y / height
    edge = width * (1 - t + bulge * np.sin(np.pi * np.clip(t, 0, 1)))
    return (1 / (1 + np.exp(-np.clip((edge - x) / 0.8, -30, 30)))).astype(np.float32)


def _gland(body: Body, x, y, reach, nipple_mm: float, muscle: np.ndarray) -> np.ndarray:
    across = (x / np.maximum(reach, 1)[:, None] - 0.52) / 0.36
    along = (y - nipple_mm) / (0.55 * body.half_height_mm)
    return (np.exp(-(across**2) - along**2) * (1 - muscle)).astype(np.float32)
