"""Small pictures for intake.html: of what is in the store, and of what was left out."""

from collections.abc import Collection, Mapping, Sequence

import cv2
import numpy as np

from pipeline.annotations.geometry import geometry_of
from pipeline.annotations.outlines import outline_curves, standard_outlines
from pipeline.preprocess.store.entries import BREAST_CELL_PX, network_input, read_breast, read_image

HEIGHT_PX = 200
_WIDEST_PX = 300
_QUALITY = 72
# Blue, green, red.
_BREAST, _COUNTS, _OTHER, _WRONG = (90, 200, 90), (0, 140, 255), (255, 160, 60), (60, 60, 255)


def store_thumbnail(
    mammogram: Mapping, entries: Sequence[Mapping], *, wrong: Collection[str] = ()
) -> bytes:
    """A standardised mammogram with the edge of its breast and its outlines, as JPEG.

    Args:
        mammogram: row of mammograms.csv.
        entries: its outlines, in the form of outlines.json.
        wrong: ids of findings whose outline is not used.
    """
    image = read_image(mammogram["store"])
    small = _small(network_input(image))
    step = image.shape[0] / small.shape[0]
    _draw_breast(small, read_breast(mammogram["store"]), step)
    for outline in standard_outlines(entries, geometry_of(mammogram)):
        colour = _COUNTS if outline.positive else _OTHER
        colour = _WRONG if outline.finding_id in wrong else colour
        for curve in outline_curves(outline):
            _draw(small, (curve + 0.5) / step - 0.5, colour)
    return _jpeg(small)


def plain_thumbnail(pixels: np.ndarray) -> bytes:
    """A picture from its darkest to its brightest value, as JPEG.

    Args:
        pixels: (H, W) float32.
    """
    small = _reduced(pixels)
    low, high = np.percentile(small, [1, 99.8])
    return _jpeg(_colour((small - low) / max(high - low, 1e-6)))


def _small(light: np.ndarray) -> np.ndarray:
    return _colour(_reduced(light))


def _reduced(pixels: np.ndarray) -> np.ndarray:
    scale = min(HEIGHT_PX / pixels.shape[0], _WIDEST_PX / pixels.shape[1])
    size = [max(round(side * scale), 1) for side in pixels.shape[::-1]]
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)


def _colour(light: np.ndarray) -> np.ndarray:
    grey = np.clip(light * 255 + 0.5, 0, 255).astype(np.uint8)
    return cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)


def _draw_breast(picture: np.ndarray, breast: np.ndarray, step: float) -> None:
    cells = np.pad(breast, 1).astype(np.uint8)
    curves, _ = cv2.findContours(cells, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    for curve in curves:
        centres = (curve[:, 0, ::-1].astype(np.float64) - 1 + 0.5) * BREAST_CELL_PX - 0.5
        _draw(picture, (centres + 0.5) / step - 0.5, _BREAST)


def _draw(picture: np.ndarray, curve: np.ndarray, colour: tuple[int, int, int]) -> None:
    """Draw a closed curve of (row, col)."""
    points = np.rint(curve[:, ::-1] * 16).astype(np.int32)  # sixteenths of a pixel, (x, y)
    cv2.polylines(picture, [points], True, colour, 1, cv2.LINE_AA, shift=4)


def _jpeg(picture: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes()
