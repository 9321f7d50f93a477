"""Small drawings on a local grid in mm, from which lesions and confusers are made."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

# Stored grey values of 4096, peak.
MASS_CONTRAST = 285.0
CALCIFICATION_CONTRAST = 400.0


# A closed curve around a centre: radius in mm as a function of the angle.
Boundary = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Grid:
    """Coordinates in mm around a centre."""

    row: np.ndarray  # (n, 1) float32
    col: np.ndarray  # (1, n) float32
    spacing_mm: float

    @property
    def radius(self) -> np.ndarray:
        return np.hypot(self.row, self.col)

    @property
    def angle(self) -> np.ndarray:
        return np.arctan2(self.row, self.col)


def make_grid(reach_mm: float, spacing_mm: float) -> Grid:
    """A square grid with a pixel in the centre that reaches at least `reach_mm`."""
    half = int(np.ceil(reach_mm / spacing_mm))
    axis = (np.arange(-half, half + 1) * spacing_mm).astype(np.float32)
    return Grid(axis[:, None], axis[None, :], spacing_mm)


def lumpy_boundary(radius_mm: float, lumps: float, rng: np.random.Generator) -> Boundary:
    """A closed curve of this mean radius; `lumps` is how far it leaves a circle, as a share."""
    orders = np.arange(2, 6)
    sizes = lumps * rng.normal(size=orders.size) / orders
    phases = rng.uniform(0, 2 * np.pi, orders.size)

    def boundary(angle: np.ndarray) -> np.ndarray:
        known = zip(orders, sizes, phases, strict=True)
        waves = sum(size * np.cos(order * angle + phase) for order, size, phase in known)
        return radius_mm * np.clip(1 + waves, 0.6, 1.4)

    return boundary


def boundary_polygon(boundary: Boundary, spacing_mm: float) -> np.ndarray:
    """The curve as (48, 2) row, col in pixels from the centre."""
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    radius = boundary(angle) / spacing_mm
    return np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=1)


def line(grid: Grid, start, end, width_mm: float, *, taper: bool) -> np.ndarray:
    """A straight line of height 1 with a Gaussian cross-section.

    Args:
        start, end: (row, col) in mm.
        width_mm: standard deviation of the cross-section.
        taper: fade out and get thinner towards the end.
    """
    drow, dcol = end[0] - start[0], end[1] - start[1]
    length = float(np.hypot(drow, dcol))
    row, col = grid.row - start[0], grid.col - start[1]
    along = (row * drow + col * dcol) / length
    across = (row * dcol - col * drow) / length
    t = along / length
    beyond = np.maximum(np.maximum(-along, along - length), 0)
    width = width_mm * (1 - 0.5 * np.clip(t, 0, 1)) if taper else width_mm
    height = 1 - np.clip(t, 0, 1) if taper else 1
    return (height * np.exp(-0.5 * (across**2 + beyond**2) / width**2)).astype(np.float32)


def speck(grid: Grid, row_mm: float, col_mm: float, diameter_mm: float) -> np.ndarray:
    """A small round spot of height 1 with a slightly soft edge."""
    distance = np.hypot(grid.row - row_mm, grid.col - col_mm)
    edge = max(0.08, 0.4 * grid.spacing_mm)
    outwards = np.clip((distance - diameter_mm / 2) / edge, -30, 30)
    return (1 / (1 + np.exp(outwards))).astype(np.float32)


def specks(
    grid: Grid, places: Iterable[tuple[float, float]], rng: np.random.Generator
) -> np.ndarray:
    """Calcifications, each with its own brightness and diameter.

    Args:
        places: (row, col) in mm; each is asked for just before its speck is drawn, so it may
            come from `rng` too.
    """
    signal = np.zeros((grid.row.size, grid.col.size), np.float32)
    for row, col in places:
        height = CALCIFICATION_CONTRAST * rng.uniform(0.6, 1.3)
        signal += height * speck(grid, row, col, rng.uniform(0.4, 0.85))
    return signal
