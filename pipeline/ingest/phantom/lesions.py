"""Lesions: what is added to the picture, and its exact outline.

A lesion differs from the confusers by its margin or its arrangement, not by its brightness.
"""

import cv2
import numpy as np

from pipeline.ingest.phantom.shapes import (
    MASS_CONTRAST,
    Boundary,
    Stamp,
    boundary_polygon,
    line,
    lumpy_boundary,
    make_grid,
    specks,
)

# Grey values, and the outline in pixels from the centre.
Drawing = tuple[np.ndarray, np.ndarray]

HALO_MM = 0.7


def draw_lesion(
    kind: str, *, radius_mm: float, contrast: float, spacing_mm: float, rng: np.random.Generator
) -> Stamp:
    """Draw a lesion of a kind of `plan.KINDS` as it shows in one view.

    Args:
        kind: mass_smooth, mass_spiculated or microcalcifications.
        radius_mm: radius of the mass without spicules, or of the cluster.
        contrast: factor on the grey values.
        spacing_mm: distance of the pixels, in mm.
        rng: the shape.
    """
    draw = {
        "mass_smooth": _smooth_mass,
        "mass_spiculated": _spiculated_mass,
        "microcalcifications": _cluster,
    }[kind]
    signal, outline = draw(radius_mm, spacing_mm, rng)
    return Stamp(signal * np.float32(contrast), outline)


def _smooth_mass(radius_mm: float, spacing_mm: float, rng: np.random.Generator) -> Drawing:
    """The projection of an ellipsoid: a dome with a sharp margin and a thin dark halo."""
    grid = make_grid(1.5 * radius_mm + 3, spacing_mm)
    boundary = lumpy_boundary(radius_mm, 0.1, rng)
    edge_mm = boundary(grid.angle)
    dome = np.clip(1 - (grid.radius / edge_mm) ** 2, 0, None) ** 0.35
    outside_mm = np.maximum(grid.radius - edge_mm, 0)
    halo = np.exp(-((outside_mm / HALO_MM) ** 2)) * (outside_mm > 0)
    height = MASS_CONTRAST * rng.uniform(0.9, 1.1)
    return (height * (dome - 0.35 * halo)).astype(np.float32), boundary_polygon(
        boundary, spacing_mm
    )


def _spiculated_mass(radius_mm: float, spacing_mm: float, rng: np.random.Generator) -> Drawing:
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
        signal = signal + 0.7 * line(grid, start, end, width, taper=True)
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


def _cluster(radius_mm: float, spacing_mm: float, rng: np.random.Generator) -> Drawing:
    """Many small bright specks close together; the outline is their hull and half a mm."""
    grid = make_grid(radius_mm + 2, spacing_mm)
    count = int(rng.integers(18, 32))
    distance = radius_mm * np.sqrt(rng.uniform(0, 1, count))
    angle = rng.uniform(0, 2 * np.pi, count)
    rows, cols = distance * np.sin(angle), distance * np.cos(angle)
    signal = specks(grid, zip(rows, cols, strict=True), rng)
    return signal, _hull(rows, cols, margin_mm=0.5) / spacing_mm


def _hull(rows: np.ndarray, cols: np.ndarray, *, margin_mm: float) -> np.ndarray:
    around = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    above = (rows[:, None] + margin_mm * np.sin(around)).ravel()
    beside = (cols[:, None] + margin_mm * np.cos(around)).ravel()
    points = np.stack([above, beside], axis=1)
    return cv2.convexHull(points.astype(np.float32))[:, 0].astype(np.float64)
