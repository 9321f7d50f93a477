"""Films of mini-MIAS as the reader hands them on, for tests."""

from pathlib import Path

import cv2
import numpy as np

from pipeline.dicom.mammogram import Mammogram

SUFFIXES = (".pgm", ".png")


def read_film(mammo_data: Path, name: str) -> np.ndarray:
    """Grey values in 0..1 of a film, (1024, 1024) float32."""
    (file,) = (p for p in (mammo_data / "mini-mias").glob(f"{name}.*") if p.suffix in SUFFIXES)
    pixels = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)
    return pixels.astype(np.float32) / 255


def film_mammogram(pixels: np.ndarray, *, spacing_mm: float = 0.2) -> Mammogram:
    """A mammogram of these pixels, of which nothing else is known."""
    return Mammogram(
        pixels=pixels.astype(np.float32),
        valid=None,
        spacing_mm=spacing_mm,
        spacing_source="test",
        laterality="",
        view="",
        window="none",
        polarity="MONOCHROME2",
        scanner="",
        codec="uncompressed",
        pixel_sha256="",
        notes=[],
    )
