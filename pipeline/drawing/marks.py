"""What is drawn on a picture: outlines, the scale bar, the colours, the word SYNTHETIC.

All coordinates are original pixels, (row, col) with centres at integers.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from pipeline.annotations.outlines import Outline
from pipeline.drawing.field import Field
from pipeline.drawing.sheet import WIDTH_PX, Panel, Sheet
from pipeline.pages.colours import REGION, TEXT, TRUTH, WARNING, ProbabilityScale, SpreadScale

DARK = "#101010"
BAR_LENGTHS_MM = (50, 20, 10, 5, 2, 1)
BAR_WIDTH_PX = 22
DOT_PX = 6  # from dot to dot of an outline that does not count


def draw_outlines(
    sheet: Sheet, panel: Panel, outlines: Iterable[Outline], *, width: int = 3
) -> None:
    """Draw findings: solid where they count as abnormal, dotted where not."""
    for outline in outlines:
        for curve in map(panel.place, outline.curves()):
            if outline.positive:
                sheet.line(curve, colour=TRUTH, width=width, within=panel)
            else:
                for dot in _dots(curve):
                    sheet.line(np.stack([dot, dot]), colour=TRUTH, width=width, within=panel)


def _dots(curve: np.ndarray) -> np.ndarray:
    """Places DOT_PX apart along a curve, (n, 2)."""
    way = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(curve, axis=0).T))])
    at = np.arange(0, way[-1] + 1e-9, DOT_PX)
    return np.stack([np.interp(at, way, curve[:, axis]) for axis in (0, 1)], axis=1)


def draw_scale_bar(sheet: Sheet, panel: Panel, *, spacing_mm: float, at_left: bool) -> None:
    """Draw a bar of a round length, about a fifth of the picture's width, at the lower edge."""
    field = panel.field
    width_mm = (field.right - field.left) * spacing_mm
    length_mm = next((mm for mm in BAR_LENGTHS_MM if mm <= width_mm / 4), BAR_LENGTHS_MM[-1])
    length = length_mm / spacing_mm
    margin = 0.03 * (field.bottom - field.top)
    start = field.left + margin if at_left else field.right - margin - length
    row = field.bottom - margin
    ends = panel.place(np.array([[row, start], [row, start + length]]))
    for colour, width in ((DARK, 9), (TEXT, 5)):
        sheet.line(ends, colour=colour, width=width, within=panel)
    x, y = ends.mean(axis=0)
    sheet.write(f"{length_mm} mm", (x, y - 8), colour=TEXT, size=17, anchor="ms", edge=DARK)


def draw_bar(
    sheet: Sheet,
    scale: ProbabilityScale | SpreadScale,
    *,
    left: int,
    top: int,
    height: int,
    mark: float | None = None,
) -> None:
    """Draw a scale upwards, with what its colours mean beside it.

    Args:
        left, top, height: where, in pixels of the sheet.
        mark: a value to mark.
    """
    bar = Panel(Field(1, 0, 0, 1), left, top, height, BAR_WIDTH_PX)
    ground = np.full((height, BAR_WIDTH_PX), 0.25, np.float32)
    shares = np.linspace(1, 0, height)[:, None].repeat(BAR_WIDTH_PX, axis=1)
    sheet.show(bar, scale.blend(ground, shares))
    for place, text in scale.ticks():
        at = left + BAR_WIDTH_PX, top + (1 - place) * height
        sheet.write(f"– {text}", at, colour=TEXT, size=15, anchor="lm", edge=DARK)
    if mark is not None:
        at_share = float(scale.share(np.array(mark)))
        ends = bar.place(np.array([[at_share, 0.0], [at_share, 1.0]]))
        sheet.line(ends, colour=REGION, width=3, within=bar)
    middle = left + BAR_WIDTH_PX / 2, top - 14
    sheet.write(scale.title, middle, colour=TEXT, size=15, anchor="ms", edge=DARK)


def mark_synthetic(sheet: Sheet, panels: Sequence[Panel], *, at_left: bool) -> None:
    """Say in each panel and in the title that this is no patient."""
    look: dict[str, Any] = {"colour": WARNING, "bold": True}
    sheet.write("SYNTHETIC", (WIDTH_PX / 2, 45), size=27, anchor="ms", **look)
    for panel in panels:
        margin = 0.02 * panel.width
        x = panel.left + (margin if at_left else panel.width - margin)
        y = panel.top + 0.02 * panel.height
        anchor = "lt" if at_left else "rt"
        sheet.write("SYNTHETIC", (x, y), size=18, anchor=anchor, edge=DARK, **look)
