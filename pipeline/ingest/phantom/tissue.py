"""Grey values of the breast without lesions: fat, gland, muscle, skin, vessels.

Grey values are those of a 12-bit picture for presentation, dense tissue bright.
"""

import cv2
import numpy as np

from pipeline.ingest.phantom.anatomy import Anatomy
from pipeline.ingest.phantom.texture import power_law_field

FAT = 1250.0
GLAND = 1350.0  # added where there is nothing but gland
MUSCLE = 1150.0
SKIN = 400.0
TEXTURE = 190.0  # standard deviation of the texture that lies over everything
# A little less than what the finished picture shall have (texture.EXPONENT), because the edges
# of muscle and gland and the shading towards the skin make the spectrum steeper.
FIELD_EXPONENT = 2.85
VESSEL = 180.0
SKIN_MM = 1.5


def draw_tissue(anatomy: Anatomy, rng: np.random.Generator) -> np.ndarray:
    """Grey values inside the breast, 0 outside; (rows, columns) float32."""
    full = anatomy.breast.shape
    used = np.s_[:, : int(anatomy.breast.any(axis=0).sum())]  # the rest is air
    gland_here, muscle, skin_mm = anatomy.gland[used], anatomy.muscle[used], anatomy.skin_mm[used]
    fields = [
        power_law_field(
            gland_here.shape, spacing_mm=anatomy.spacing_mm, rng=rng, exponent=FIELD_EXPONENT
        )
        for _ in range(2)
    ]
    # Patches of gland are where a power-law field is high; their borders are soft.
    clumps = fields[0] - (1.6 - 1.2 * anatomy.body.density) + 1.8 * gland_here
    gland = (1 - muscle) * (0.55 + 0.45 * gland_here) / (1 + np.exp(-clumps / 0.45))
    grey = FAT + GLAND * gland + MUSCLE * muscle
    grey += TEXTURE * fields[1] * (1 - 0.4 * muscle)
    grey += VESSEL * _vessels(anatomy, rng)[used]
    # Compressed breasts are equally thick except near the skin.
    grey *= 1 - 0.75 * np.exp(-skin_mm / 3.5)
    grey += SKIN * np.exp(-((skin_mm / SKIN_MM) ** 4))
    picture = np.zeros(full, np.float32)
    picture[used] = np.where(anatomy.breast[used], grey, 0)
    return picture


def _vessels(anatomy: Anatomy, rng: np.random.Generator) -> np.ndarray:
    """A few winding bright lines from the chest wall towards the nipple, 0 to 1."""
    rows, cols = anatomy.breast.shape
    canvas = np.zeros((rows, cols), np.uint8)
    for _ in range(int(rng.integers(3, 7))):
        t = np.linspace(0, 1, 40)
        row = rows * (rng.uniform(0.25, 0.75) + rng.uniform(-0.2, 0.2) * t)
        for waves in (1, 2, 4):
            swing = 0.02 * rows / waves * rng.normal()
            row = row + swing * np.sin(np.pi * waves * t + rng.uniform(0, 2 * np.pi))
        col = anatomy.body.depth_mm * rng.uniform(0.6, 0.95) / anatomy.spacing_mm * t
        points = np.rint(np.stack([col, row], axis=1)).astype(np.int32)
        width = max(1, round(rng.uniform(0.8, 1.6) / anatomy.spacing_mm))
        cv2.polylines(canvas, [points], False, int(rng.integers(120, 255)), width, cv2.LINE_AA)
    return cv2.GaussianBlur(canvas.astype(np.float32) / 255, (0, 0), 0.45 / anatomy.spacing_mm)
