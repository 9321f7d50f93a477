"""A sheet to draw on: pictures, lines and text in pixels, written as PNG.

OpenCV draws the lines and writes the file, Pillow the text: a tenth of the time that a sheet of
matplotlib takes.
"""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import matplotlib
import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFont

from pipeline.drawing.field import Field
from pipeline.pages.colours import BACKGROUND
from pipeline.run.atomic import write_atomic

HEIGHT_PX, WIDTH_PX = 1000, 1600
SUBPIXEL_BITS = 4
# Half the time of OpenCV's own choice, and the files a sixth larger.
PNG_OPTIONS = (cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP)


class Panel(NamedTuple):
    """Where a picture of a field lies on a sheet, in pixels of the sheet."""

    field: Field
    left: int
    top: int
    height: int
    width: int

    def place(self, points: np.ndarray) -> np.ndarray:
        """Original pixels (row, col) as (x, y) on the sheet, (n, 2) float64."""
        row, col = np.moveaxis(np.asarray(points, np.float64), -1, 0)
        x = (col - self.field.left) / (self.field.right - self.field.left) * self.width
        y = (row - self.field.top) / (self.field.bottom - self.field.top) * self.height
        return np.stack([self.left + x - 0.5, self.top + y - 0.5], axis=-1)


@dataclass
class Sheet:
    """The sheet; what is written on it is drawn last."""

    # (h, w, 3) uint8, red first; HEIGHT_PX x WIDTH_PX if not given
    pixels: np.ndarray = field(
        default_factory=lambda: np.full((HEIGHT_PX, WIDTH_PX, 3), rgb(BACKGROUND), np.uint8)
    )
    _words: list[tuple[tuple[float, float], str, dict[str, Any]]] = field(default_factory=list)

    def show(self, panel: Panel, picture: np.ndarray) -> None:
        """Show a picture, (h, w) or (h, w, 3) float32 in [0, 1], of the panel's size."""
        shown = picture[..., None] if picture.ndim == 2 else picture
        part = self.pixels[panel.top : panel.top + panel.height, panel.left :][:, : panel.width]
        part[:] = np.rint(shown * 255)

    def line(self, places: np.ndarray, *, colour: str, width: int, within: Panel) -> None:
        """Draw a line through (n, 2) places (x, y) of the sheet, where they are in the panel."""
        corner = np.array([within.left, within.top])
        part = self.pixels[within.top : within.top + within.height, within.left :]
        part = part[:, : within.width]
        own = part.copy()  # OpenCV draws on whole arrays only
        fine = np.rint((places - corner) * 2**SUBPIXEL_BITS).astype(np.int32)
        cv2.polylines(own, [fine], False, rgb(colour), width, cv2.LINE_AA, SUBPIXEL_BITS)
        part[:] = own

    def write(
        self,
        text: str,
        place: tuple[float, float],
        *,
        colour: str,
        size: float,
        anchor: str = "ls",
        bold: bool = False,
        edge: str | None = None,
    ) -> None:
        """Write a text.

        Args:
            place: (x, y) of its anchor, named as in Pillow: "ls" is left at the baseline.
            size: of the font, in pixels.
            edge: colour of a line round the letters.
        """
        look: dict[str, Any] = {"fill": colour, "font": font(size, bold), "anchor": anchor}
        if edge:
            look |= {"stroke_width": 2, "stroke_fill": edge}
        self._words.append((place, text, look))

    def with_words(self) -> np.ndarray:
        """The pixels with what is written on them."""
        image = Image.fromarray(self.pixels)
        draw = ImageDraw.Draw(image)
        for place, text, look in self._words:
            draw.text(place, text, **look)
        return np.asarray(image)

    def save(self, path: Path) -> None:
        """Write it as PNG, atomically."""
        picture = cv2.cvtColor(self.with_words(), cv2.COLOR_RGB2BGR)
        png = cv2.imencode(".png", picture, PNG_OPTIONS)[1].tobytes()
        write_atomic(path, lambda new: new.write_bytes(png))


@cache
def font(size: float, bold: bool) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which matplotlib brings along."""
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return ImageFont.truetype(folder / name, size)


def rgb(colour: str) -> tuple[int, ...]:
    """Red, green and blue of `#rrggbb`, 0 to 255."""
    return ImageColor.getrgb(colour)[:3]
