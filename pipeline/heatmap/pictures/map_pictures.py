"""The pictures of a map beside its mammogram: the heatmap, and how far the map's copies differ."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.annotations.geometry import geometry_of
from pipeline.annotations.outlines import Outline
from pipeline.heatmap.pictures import marks
from pipeline.heatmap.pictures.colours import (
    BACKGROUND,
    REGION,
    TEXT,
    TRUTH,
    ProbabilityScale,
    SpreadScale,
)
from pipeline.heatmap.pictures.field import Field, field_of, grey_picture, on_picture
from pipeline.heatmap.regions import Regions
from pipeline.model.image_map import ImageMap
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
        highest: the highest probability that is shown.
        copies: what the spread of a map is over, in words.
    """

    model: str
    prior: float
    threshold: float
    highest: float = 1.0
    prior_is_set: bool = False
    copies: str = ""


def write_overlay(
    path: Path,
    mammogram: Mapping[str, Any],
    image_map: ImageMap,
    regions: Regions,
    outlines: Sequence[Outline],
    caption: Caption,
) -> None:
    """Write the heatmap of one mammogram, 1600 x 1000 pixels, atomically.

    Args:
        mammogram: row of mammograms.csv.
        outlines: its outlines, in original pixels.
    """
    sheet = _new_sheet(mammogram, caption)
    scale = ProbabilityScale(low=caption.prior)
    sheet.show_map(
        scale,
        image_map.probability,
        image_map,
        regions,
        label=lambda region: f"{region.rank}: {percent(region.peak_probability, caption.highest)}",
    )
    marks.draw_outlines(sheet.right, outlines)
    scale.draw_bar(sheet.bar, caption.threshold)
    count = len(regions.table)
    found = f"{count or 'no'} region{'' if count == 1 else 's'} above {percent(caption.threshold)}"
    sheet.explain(f"Heatmap: {found}", colour=REGION)
    words = "outlined finding" if outlines else "no outlined finding"
    if not all(outline.positive for outline in outlines):
        words += " (dotted: not counted as abnormal)"
    sheet.figure.text(0.92, 0.02, words, color=TRUTH, fontsize=13, ha="right")
    sheet.save(path, mammogram)


def write_uncertainty(
    path: Path,
    mammogram: Mapping[str, Any],
    image_map: ImageMap,
    regions: Regions,
    caption: Caption,
) -> None:
    """Write how far the copies of one map differ, 1600 x 1000 pixels, atomically.

    Args:
        mammogram: row of mammograms.csv.
        image_map: its map, with `spread`.
        regions: they are labelled with their rank and mean spread.

    Raises:
        ValueError: the map has one copy.
    """
    if image_map.spread is None:
        raise ValueError(f"the map of {mammogram['image_id']} has one copy and so no spread")
    sheet = _new_sheet(mammogram, caption)
    scale = SpreadScale()
    sheet.show_map(
        scale,
        image_map.spread,
        image_map,
        regions,
        label=lambda region: f"{region.rank}: sd {region.logit_sd:.2f}",
    )
    scale.draw_bar(sheet.bar)
    sheet.explain(f"Uncertainty: sd of the log odds over {caption.copies}", colour=TEXT)
    sheet.save(path, mammogram)


@dataclass(frozen=True)
class _Sheet:
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

    def show_map(
        self,
        scale: ProbabilityScale | SpreadScale,
        values: np.ndarray,
        image_map: ImageMap,
        regions: Regions,
        *,
        label: Callable[[Any], str],
    ) -> None:
        """Show values of the map, (h, w), and its regions at the right, over the mammogram."""
        share = on_picture(scale.share(values), image_map, self.field, self.grey.shape)
        marks.show(self.right, scale.blend(self.grey, share), self.field)
        marks.draw_regions(self.right, image_map, regions, self.field, label=label)

    def explain(self, words: str, *, colour: str) -> None:
        """Say below the right panel what it shows."""
        self.figure.text(0.475, 0.02, words, color=colour, fontsize=13)

    def save(self, path: Path, mammogram: Mapping[str, Any]) -> None:
        """Write the sheet atomically; a phantom is marked on it."""
        if mammogram["dataset"] == "phantom":
            at_left = bool(mammogram["flipped"])
            marks.mark_synthetic(self.figure, (self.left, self.right), at_left=at_left)
        # Compression level 3 is twice as fast as the default and the files a tenth larger.
        options = {"compress_level": 3}
        write_atomic(path, lambda new: self.figure.savefig(new, dpi=DPI, pil_kwargs=options))


def _new_sheet(mammogram: Mapping[str, Any], caption: Caption) -> _Sheet:
    """A sheet with title, mammogram and scale bar."""
    geometry = geometry_of(mammogram)
    field = field_of(geometry)
    store, shape = mammogram["store"], field.shape_px(*PANEL_PX)
    grey = grey_picture(read_image(store), read_breast(store), shape, flipped=geometry.flipped)
    figure = Figure(figsize=(WIDTH_INCH, HEIGHT_INCH), dpi=DPI, facecolor=BACKGROUND)
    left, right, bar = (figure.add_axes(box) for box in (LEFT_AXES, RIGHT_AXES, BAR_AXES))
    marks.show(left, grey, field)
    # The chest wall is left in the standard form, so the air is right unless it was mirrored.
    spacing_mm = mammogram["original_spacing_mm"]
    marks.draw_scale_bar(left, field, spacing_mm=spacing_mm, at_left=geometry.flipped)
    names = (mammogram[name] for name in ("image_id", "laterality", "view"))
    image_id, *view = filter(None, names)
    title = "   ".join(filter(None, (image_id, " ".join(view))))
    size = 20 * min(1, TITLE_LETTERS / len(title))
    style: dict[str, Any] = {"color": TEXT, "parse_math": False}
    figure.text(0.015, 0.955, title, fontsize=size, weight="bold", **style)
    model = caption.model if len(caption.model) <= 40 else f"…{caption.model[-39:]}"
    words = f"model {model}     prior in use: {percent(caption.prior)}"
    words += " (set)" if caption.prior_is_set else ""
    figure.text(0.985, 0.957, words, fontsize=13, ha="right", **style)
    figure.text(0.015, 0.02, "Mammogram", color=TEXT, fontsize=13)
    return _Sheet(figure, left, right, bar, grey, field)
