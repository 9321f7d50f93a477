"""Lesions with their exact outlines, and confusers, which look like parts of one and are none.

Every breast has confusers at one rate. They have about the brightness and the local contrast of
lesions, but not their margin (blobs), centre (strands), number (coarse calcifications) or
nearness (scattered ones).
"""

from collections.abc import Iterator

import cv2
import numpy as np

from pipeline.ingest.phantom.plan import RADIUS_MM
from pipeline.ingest.phantom.shapes import (
    CALCIFICATION_CONTRAST,
    MASS_CONTRAST,
    Boundary,
    boundary_polygon,
    line,
    lumpy_boundary,
    make_grid,
    speck,
    specks,
)

# (n, n) grey values around a pixel, n odd; the outline, (points, 2) row, col in pixels from it.
Lesion = tuple[np.ndarray, np.ndarray]
# The same grey values, and the radius that is taken up, in mm.
Confuser = tuple[np.ndarray, float]

HALO_MM = 0.7


def draw_lesion(
    kind: str, *, radius_mm: float, contrast: float, spacing_mm: float, rng: np.random.Generator
) -> Lesion:
    """Draw a lesion of a kind of `plan.KINDS` as it shows in one view.

    Args:
        radius_mm: radius of the mass without spicules, or of the cluster.
        contrast: factor on the grey values.

    Returns:
        float32 grey values of 4096 to add around a pixel, and the outline.
    """
    draw = {
        "mass_smooth": _smooth_mass,
        "mass_spiculated": _spiculated_mass,
        "microcalcifications": _cluster,
    }[kind]
    signal, outline = draw(radius_mm, spacing_mm, rng)
    return signal * np.float32(contrast), outline


def _smooth_mass(radius_mm: float, spacing_mm: float, rng: np.random.Generator) -> Lesion:
    """The projection of an ellipsoid: a dome with a sharp margin and a thin dark halo."""
    grid = make_grid(1.5 * radius_mm + 3, spacing_mm)
    boundary = lumpy_boundary(radius_mm, 0.1, rng)
    edge_mm = boundary(grid.angle)
    dome = np.clip(1 - (grid.radius / edge_mm) ** 2, 0, None) ** 0.35
    outside_mm = np.maximum(grid.radius - edge_mm, 0)
    halo = np.exp(-((outside_mm / HALO_MM) ** 2)) * (outside_mm > 0)
    height = MASS_CONTRAST * rng.uniform(0.9, 1.1)
    signal = (height * (dome - 0.35 * halo)).astype(np.float32)
    return signal, boundary_polygon(boundary, spacing_mm)


def _spiculated_mass(radius_mm: float, spacing_mm: float, rng: np.random.Generator) -> Lesion:
    """A core without a sharp margin, and many thin lines that radiate from it."""
    core_mm = 0.7 * radius_mm
    grid = make_grid(2.4 * radius_mm + 1, spacing_mm)
    boundary = lumpy_boundary(core_mm, 0.25, rng)
    share = grid.radius / boundary(grid.angle)
    signal = np.exp(-(share**2.5))
    count = int(rng.integers(15, 23))
    angles = (np.arange(count) + rng.uniform(-0.35, 0.35, count)) * 2 * np.pi / count
    tips = core_mm * rng.uniform(1.7, 3.0, count)
    for angle, tip in zip(angles, tips, strict=True):
        towards = np.array([np.sin(angle), np.cos(angle)])
        start, end = 0.75 * core_mm * towards, tip * towards
        width = rng.uniform(0.3, 0.45)
        signal = signal + 0.9 * line(grid, start, end, width, taper=True)
    height = MASS_CONTRAST * rng.uniform(0.9, 1.1)
    outline = _star(boundary, angles, tips, spacing_mm)
    return (height * signal).astype(np.float32), outline


def _star(
    boundary: Boundary, angles: np.ndarray, tips: np.ndarray, spacing_mm: float
) -> np.ndarray:
    """The margin of the core between the spicules, and the tip of each spicule."""
    half = 0.35 * 2 * np.pi / len(angles)
    corners = []
    for angle, tip in zip(angles, tips, strict=True):
        before, after = angle - half, angle + half
        for a, r in ((before, boundary(before)), (angle, tip), (after, boundary(after))):
            corners.append((r * np.sin(a) / spacing_mm, r * np.cos(a) / spacing_mm))
    return np.array(corners)


def _cluster(radius_mm: float, spacing_mm: float, rng: np.random.Generator) -> Lesion:
    """Many small bright specks close together; the outline is their hull and half a mm."""
    grid = make_grid(radius_mm + 2, spacing_mm)
    count = int(rng.integers(18, 32))
    distance = radius_mm * np.sqrt(rng.uniform(0, 1, count))
    angle = rng.uniform(0, 2 * np.pi, count)
    rows, cols = distance * np.sin(angle), distance * np.cos(angle)
    signal = specks(grid, zip(rows, cols, strict=True), rng)
    around = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    above = (rows[:, None] + 0.5 * np.sin(around)).ravel()
    beside = (cols[:, None] + 0.5 * np.cos(around)).ravel()
    points = np.stack([above, beside], axis=1).astype(np.float32)
    return signal, cv2.convexHull(points)[:, 0].astype(np.float64) / spacing_mm


def _blob(spacing_mm: float, rng: np.random.Generator) -> Confuser:
    """As bright and as large as a mass, without a margin."""
    radius_mm = rng.uniform(*RADIUS_MM)
    grid = make_grid(2.6 * radius_mm, spacing_mm)
    boundary = lumpy_boundary(radius_mm, 0.3, rng)
    share = grid.radius / boundary(grid.angle)
    return MASS_CONTRAST * rng.uniform(0.9, 1.3) * np.exp(-(share**2)), 1.5 * radius_mm


def _strands(spacing_mm: float, rng: np.random.Generator) -> Confuser:
    """Lines as bright as spicules, but wider, that run side by side and meet nowhere."""
    radius_mm = rng.uniform(*RADIUS_MM)
    grid = make_grid(3 * radius_mm, spacing_mm)
    signal: np.ndarray = np.zeros((grid.row.size, grid.col.size), np.float32)
    direction = rng.uniform(0, np.pi)
    for _ in range(int(rng.integers(4, 8))):
        angle = direction + rng.uniform(-0.2, 0.2)
        towards = np.array([np.sin(angle), np.cos(angle)])
        centre = rng.uniform(-1.1, 1.1, 2) * radius_mm
        half = rng.uniform(0.5, 1.2) * radius_mm
        start, end = centre - half * towards, centre + half * towards
        signal = signal + 0.7 * line(grid, start, end, rng.uniform(0.6, 0.9), taper=False)
    return MASS_CONTRAST * rng.uniform(0.9, 1.1) * signal, 1.5 * radius_mm


def _coarse_calcification(spacing_mm: float, rng: np.random.Generator) -> Confuser:
    """One large round calcification, as benign ones are."""
    grid = make_grid(5, spacing_mm)
    spot = speck(grid, 0, 0, rng.uniform(1.4, 3.0))
    return CALCIFICATION_CONTRAST * rng.uniform(0.9, 1.6) * spot, 3.0


def _scattered_calcifications(spacing_mm: float, rng: np.random.Generator) -> Confuser:
    """Specks like those of a cluster, too far from each other to be one."""
    radius_mm = 22.0
    grid = make_grid(radius_mm + 2, spacing_mm)
    count = int(rng.integers(8, 14))

    def places() -> Iterator[tuple[float, float]]:
        for _ in range(count):
            distance, angle = radius_mm * np.sqrt(rng.uniform()), rng.uniform(0, 2 * np.pi)
            yield distance * np.sin(angle), distance * np.cos(angle)

    return specks(grid, places(), rng), 0.0


# What draws it, of a pixel spacing and a random stream; how many a view has, lowest and highest.
CONFUSERS = (
    (_blob, 2, 4),
    (_strands, 1, 3),
    (_coarse_calcification, 1, 3),
    (_scattered_calcifications, 1, 2),
)
