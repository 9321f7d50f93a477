"""Things that look like parts of a lesion and are none; every breast has them at one rate.

They have about the brightness and the local contrast of lesions, but not their margin
(blobs), convergence (crossing lines), number (coarse calcifications) or nearness (scattered
ones).
"""

import numpy as np

from pipeline.ingest.phantom.lesions import CALCIFICATION_CONTRAST, MASS_CONTRAST
from pipeline.ingest.phantom.plan import RADIUS_MM
from pipeline.ingest.phantom.shapes import Grid, line, lumpy_boundary, make_grid, speck

# Kind and how many of it a view has, lowest and highest.
CONFUSERS = (
    ("blob", 2, 4),
    ("crossing_lines", 1, 3),
    ("coarse_calcification", 1, 3),
    ("scattered_calcifications", 1, 2),
    ("skin_spot", 0, 1),
)


def draw_confuser(
    kind: str, *, contrast: float, spacing_mm: float, rng: np.random.Generator
) -> tuple[np.ndarray, float]:
    """Draw a confuser.

    Returns:
        (n, n) float32 grey values around the centre, and the radius it takes up, in mm.
    """
    draw = {
        "blob": _blob,
        "crossing_lines": _crossing_lines,
        "coarse_calcification": _coarse_calcification,
        "scattered_calcifications": _scattered_calcifications,
        "skin_spot": _skin_spot,
    }[kind]
    signal, radius_mm = draw(spacing_mm, rng)
    return (signal * contrast).astype(np.float32), radius_mm


def _blob(spacing_mm: float, rng: np.random.Generator):
    """As bright and as large as a mass, without a margin."""
    radius_mm = rng.uniform(*RADIUS_MM)
    grid = make_grid(2.6 * radius_mm, spacing_mm)
    boundary = lumpy_boundary(radius_mm, 0.3, rng)
    share = grid.radius / boundary(grid.angle)
    return MASS_CONTRAST * rng.uniform(0.9, 1.3) * np.exp(-(share**2)), 1.5 * radius_mm


def _crossing_lines(spacing_mm: float, rng: np.random.Generator):
    """Lines as bright as spicules, but fewer, wider, and in no order."""
    radius_mm = rng.uniform(*RADIUS_MM)
    grid = make_grid(3 * radius_mm, spacing_mm)
    core_mm = 0.7 * radius_mm
    signal = 0.9 * np.exp(-((grid.radius / (1.2 * core_mm)) ** 2)) * rng.uniform(0, 1)
    for _ in range(int(rng.integers(5, 9))):
        angle = rng.uniform(0, np.pi)
        towards = np.array([np.sin(angle), np.cos(angle)])
        centre = rng.uniform(-1.1, 1.1, 2) * radius_mm
        half = rng.uniform(0.5, 1.2) * radius_mm
        signal = signal + 0.5 * line(
            grid,
            centre - half * towards,
            centre + half * towards,
            rng.uniform(0.3, 0.45),
            taper=False,
        )
    return MASS_CONTRAST * rng.uniform(0.9, 1.1) * signal, 1.5 * radius_mm


def _coarse_calcification(spacing_mm: float, rng: np.random.Generator):
    """One large round calcification, as benign ones are."""
    grid = make_grid(5, spacing_mm)
    spot = speck(grid, 0, 0, rng.uniform(1.4, 3.0))
    return CALCIFICATION_CONTRAST * rng.uniform(0.9, 1.6) * spot, 3.0


def _scattered_calcifications(spacing_mm: float, rng: np.random.Generator):
    """Specks like those of a cluster, too far from each other to be one."""
    radius_mm = 22.0
    grid = make_grid(radius_mm + 2, spacing_mm)
    return _specks(grid, int(rng.integers(8, 14)), radius_mm, rng), 0.0


def _specks(grid: Grid, count: int, radius_mm: float, rng: np.random.Generator) -> np.ndarray:
    signal = np.zeros((grid.row.size, grid.col.size), np.float32)
    for _ in range(count):
        distance, angle = radius_mm * np.sqrt(rng.uniform()), rng.uniform(0, 2 * np.pi)
        height = CALCIFICATION_CONTRAST * rng.uniform(0.6, 1.3)
        row, col = distance * np.sin(angle), distance * np.cos(angle)
        signal += height * speck(grid, row, col, rng.uniform(0.4, 0.85))
    return signal


def _skin_spot(spacing_mm: float, rng: np.random.Generator):
    """A mole: small, flat, with the dark ring of air that is caught around it."""
    radius_mm = rng.uniform(1.5, 2.5)
    grid = make_grid(radius_mm + 3, spacing_mm)
    disc = speck(grid, 0, 0, 2 * radius_mm)
    ring = speck(grid, 0, 0, 2 * radius_mm + 1.4) - disc
    return MASS_CONTRAST * rng.uniform(0.8, 1.0) * (disc - 0.7 * ring), radius_mm + 1
