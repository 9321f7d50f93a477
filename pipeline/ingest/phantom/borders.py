"""What lies around the breast: air, the mark SYNTHETIC, and on some pictures a film's frame."""

import cv2
import numpy as np

AIR = 40.0
FILM_FOG = 170.0
FILM_WHITE = 3900.0
INK = 3600.0
GAP_MM = 8.0  # the frame stays so far away from the breast
FRAME_MM = (3.0, 5.0)  # of the side and of top and bottom


def add_surroundings(
    grey: np.ndarray,
    breast: np.ndarray,
    *,
    text: str,
    wall_left: bool,
    film: bool,
    spacing_mm: float,
    noise: np.ndarray,
) -> np.ndarray:
    """Fill in everything outside the breast; the breast stays as it is.

    Args:
        grey: (rows, columns) float32, the breast.
        breast: (rows, columns) bool.
        text: side and view, as the label shows them.
        film: draw a white frame and a sticker as on digitised film.
        noise: (rows, columns) float32 with standard deviation 1, for the film's grain.
    """
    around = FILM_FOG + 5 * noise if film else np.full_like(grey, AIR)
    if film:  # white along top, bottom and the side away from the chest wall
        side, ends = (round(mm / spacing_mm) for mm in FRAME_MM)
        frame = np.zeros(grey.shape, bool)
        frame[:ends] = frame[-ends:] = True
        frame[:, np.s_[-side:] if wall_left else np.s_[:side]] = True
        outside = (~breast).astype(np.uint8)
        frame &= cv2.distanceTransform(outside, cv2.DIST_L2, 3) > GAP_MM / spacing_mm
        around = np.where(frame, FILM_WHITE + 20 * noise, around)
    _write(around, text, wall_left=wall_left, sticker=film, spacing_mm=spacing_mm)
    return np.where(breast, grey, around)


def _write(
    around: np.ndarray, text: str, *, wall_left: bool, sticker: bool, spacing_mm: float
) -> None:
    """SYNTHETIC and the view, in the upper corner away from the chest wall, in place."""
    height, width = (round(mm / spacing_mm) for mm in (16, 44))
    top, gap = round(12 / spacing_mm), round(10 / spacing_mm)
    left = around.shape[1] - gap - width if wall_left else gap
    label = np.zeros((height, width), np.uint8)
    scale = 0.13 / spacing_mm  # letters about 3 mm high
    thick = max(1, round(0.3 / spacing_mm))
    for line, words in enumerate(("SYNTHETIC", text)):
        at = (round(2 / spacing_mm), round((6.5 + 7 * line) / spacing_mm))
        cv2.putText(label, words, at, cv2.FONT_HERSHEY_SIMPLEX, scale, 255, thick, cv2.LINE_AA)
    ink = label.astype(np.float32) / 255
    place = around[top : top + height, left : left + width]
    if sticker:
        place[:] = FILM_WHITE * (1 - ink) + FILM_FOG * ink
    else:
        place[:] = place * (1 - ink) + INK * ink
