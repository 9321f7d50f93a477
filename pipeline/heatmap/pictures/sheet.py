"""What the pictures of a mammogram have in common: it beside something about it, and a bar."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.annotations.geometry import geometry_of
from pipeline.heatmap.pictures import marks
from pipeline.heatmap.pictures.field import Field, field_of, grey_picture
from pipeline.preprocess.store.entries import read_breast, read_image
from pipeline.run.atomic import write_atomic
from pipeline.run.words import percent

DPI = 100
WIDTH_INCH, HEIGHT_INCH = 16, 10
TITLE_LETTERS = 38  # of the full size, left of the middle
PANEL_PX = (860, 710)  # the mammogram is reduced to this before it is drawn
LEFT_AXES, RIGHT_AXES, BAR_AXES = (
    (0.015, 0.06, 0.445, 0.86),
    (0.475, 0.06, 0.445, 0.86),
    (0.93, 0.2, 0.014, 0.6),
)


@dataclass(frozen=True)
class Caption:
    """What all pictures of a run share.

    Attributes:
        model: name of the model, e.g. the run it comes from.
        prior: probability that a position is abnormal, before looking.
        prior_is_set: it was given by the user and not counted.
        threshold: probability from which an area is a region.
        copies: what the spread of a map is over, in words.
    """

    model: str
    prior: float
    threshold: float
    prior_is_set: bool = False
    copies: str = ""


@dataclass(frozen=True)
class Sheet:
    """A sheet with the mammogram at the left and room at the right.

    Attributes:
        grey: (h, w) float32 in [0, 1], the mammogram in the pixels of a panel.
        field: what the panels show.
    """

    figure: Figure
    left: Axes
    right: Axes
    bar: Axes
    grey: np.ndarray
    field: Field

    def explain(self, words: str, *, colour: str) -> None:
        """Say below the right panel what it shows."""
        self.figure.text(0.475, 0.02, words, color=colour, fontsize=13)

    def save(self, path: Path, mammogram: Mapping) -> None:
        """Write the sheet atomically, 1600 x 1000 pixels; a phantom is marked on it."""
        if mammogram["dataset"] == "phantom":
            at_left = bool(mammogram["flipped"])
            marks.mark_synthetic(self.figure, (self.left, self.right), at_left=at_left)
        # Compression level 3 is twice as fast as the default and the files a tenth larger.
        options = {"compress_level": 3}
        write_atomic(path, lambda new: self.figure.savefig(new, dpi=DPI, pil_kwargs=options))


def new_sheet(mammogram: Mapping, caption: Caption) -> Sheet:
    """A sheet with title, mammogram and scale bar.

    Args:
        mammogram: row of mammograms.csv.
    """
    geometry = geometry_of(mammogram)
    field = field_of(geometry)
    store = mammogram["store"]
    shape = field.shape_px(*PANEL_PX)
    grey = grey_picture(read_image(store), read_breast(store), shape, flipped=geometry.flipped)
    figure = Figure(figsize=(WIDTH_INCH, HEIGHT_INCH), dpi=DPI, facecolor=marks.BACKGROUND)
    left, right, bar = (figure.add_axes(box) for box in (LEFT_AXES, RIGHT_AXES, BAR_AXES))
    marks.show(left, grey, field)
    # The chest wall is left in the standard form, so the air is right unless it was mirrored.
    spacing_mm = mammogram["original_spacing_mm"]
    marks.draw_scale_bar(left, field, spacing_mm=spacing_mm, at_left=geometry.flipped)
    _write_title(figure, mammogram, caption)
    figure.text(0.015, 0.02, "Mammogram", color=marks.TEXT, fontsize=13)
    return Sheet(figure, left, right, bar, grey, field)


def _write_title(figure: Figure, mammogram: Mapping, caption: Caption) -> None:
    view = " ".join(filter(None, (mammogram["laterality"], mammogram["view"])))
    title = "   ".join(filter(None, (mammogram["image_id"], view)))
    size = 20 * min(1, TITLE_LETTERS / len(title))
    style: dict[str, Any] = {"color": marks.TEXT, "parse_math": False}
    figure.text(0.015, 0.955, title, fontsize=size, weight="bold", **style)
    model = caption.model if len(caption.model) <= 40 else f"…{caption.model[-39:]}"
    words = f"model {model}     prior in use: {percent(caption.prior)}"
    words += " (set)" if caption.prior_is_set else ""
    figure.text(0.985, 0.957, words, fontsize=13, ha="right", **style)
