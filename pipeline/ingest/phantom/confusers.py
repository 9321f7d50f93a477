"""Things that look like parts of a lesion and are none; every breast has them at one rate.

They have about the brightness and the local contrast of lesions, but not their margin
(blobs), convergence (crossing lines), number (coarse calcifications) or nearness (scattered
ones).
"""

import numpy as np

from pipeline.ingest.phantom.plan import RADIUS_MM
from pipeline.ingest.phantom.shapes import (
    CALCIFICATION_CONTRAST,
    MASS_CONTRAST,
    line,
    lumpy_boundary,
    make_grid,
    speck,
    specks,
)

# (n, n) grey values around the centre, and the radius it takes up, in mm.
Drawing = tuple[np.ndarray, float]


def _blob(spacing_mm: float, rng: np.random.Generator) -> Drawing:
    """As bright and as large as a mass, without a margin."""
    radius_mm = rng.uniform(*RADIUS_MM)
    grid = make_grid(2.6 * radius_mm, spacing_mm)
    boundary = lumpy_boundary(radius_mm, 0.3, rng)
    share = grid.radius / boundary(grid.angle)
    return MASS_CONTRAST * rng.uniform(0.9, 1.3) * np.exp(-(share**2)), 1.5 * radius_mm


def _crossing_lines(spacing_mm: float, rng: np.random.Generator) -> Drawing:
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
        start, end = centre - half * towards, centre + half * towards
        signal = signal + 0.5 * line(grid, start, end, rng.uniform(0.3, 0.45), taper=False)
    return MASS_CONTRAST * rng.uniform(0.9, 1.1) * signal, 1.5 * radius_mm


def _coarse_calcification(spacing_mm: float, rng: np.random.Generator) -> Drawing:
    """One large round calcification, as benign ones are."""
    grid = make_grid(5, spacing_mm)
    spot = speck(grid, 0, 0, rng.uniform(1.4, 3.0))
    return CALCIFICATION_CONTRAST * rng.uniform(0.9, 1.6) * spot, 3.0


def _scattered_calcifications(spacing_mm: float, rng: np.random.Generator) -> Drawing:
    """Specks like those of a cluster, too far from each other to be one."""
    radius_mm = 22.0
    grid = make_grid(radius_mm + 2, spacing_mm)
    count = int(rng.integers(8, 14))
    return specks(grid, (_place_within(radius_mm, rng) for _ in range(count)), rng), 0.0


def _place_within(radius_mm: float, rng: np.random.Generator) -> tuple[float, float]:
    """A random (row, col) in mm."""
    distance, angle = radius_mm * np.sqrt(rng.uniform()), rng.uniform(0, 2 * np.pi)
    return distance * np.sin(angle), distance * np.cos(angle)


def _skin_spot(spacing_mm: float, rng: np.random.Generator) -> Drawing:
    """A mole: small, flat, with the dark ring of air that is caught around it."""
    radius_mm = rng.uniform(1.5, 2.5)
    grid = make_grid(radius_mm + 3, spacing_mm)
    disc = speck(grid, 0, 0, 2 * radius_mm)
    ring = speck(grid, 0, 0, 2 * radius_mm + 1.4) - disc
    return MASS_CONTRAST * rng.uniform(0.8, 1.0) * (disc - 0.7 * ring), radius_mm + 1


# What draws it, of a pixel spacing and a random stream; how many a view has, lowest and highest.
CONFUSERS = (
    (_blob, 2, 4),
    (_crossing_lines, 1, 3),
    (_coarse_calcification, 1, 3),
    (_scattered_calcifications, 1, 2),
    (_skin_spot, 0, 1),
)
