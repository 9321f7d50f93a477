"""The picture of a map: the mammogram beside its heatmap, as the original image is oriented."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from pipeline.heatmap import marks
from pipeline.heatmap.colours import ProbabilityScale
from pipeline.heatmap.field import field_of, grey_picture, on_picture
from pipeline.heatmap.maps import ImageMap
from pipeline.heatmap.regions import Regions
from pipeline.preprocess.geometry import geometry_of
from pipeline.preprocess.store import read_breast, read_image
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
    """

    model: str
    prior: float
    threshold: float
    prior_is_set: bool = False


def write_overlay(
    path: Path,
    mammogram: Mapping,
    image_map: ImageMap,
    regions: Regions,
    outlines: list[dict],
    caption: Caption,
) -> None:
    """Write the picture of one mammogram, 1600 x 1000 pixels, atomically.

    Args:
        mammogram: row of mammograms.csv.
        outlines: its entry of outlines.json, in original pixels.
    """
    geometry = geometry_of(mammogram)
    field = field_of(geometry)
    shape = field.shape_px(*PANEL_PX)
    store = mammogram["store"]
    grey = grey_picture(read_image(store), read_breast(store), shape, flipped=geometry.flipped)
    scale = ProbabilityScale(low=caption.prior)
    share = on_picture(scale.share(image_map.probability), image_map, field, shape)

    figure = Figure(figsize=(WIDTH_INCH, HEIGHT_INCH), dpi=DPI, facecolor=marks.BACKGROUND)
    plain, heat = (figure.add_axes(box) for box in (LEFT_AXES, RIGHT_AXES))
    marks.show(plain, grey, field)
    marks.show(heat, scale.blend(grey, share), field)
    marks.draw_regions(heat, image_map, regions, field)
    marks.draw_outlines(heat, outlines)
    # The chest wall is left in the standard form, so the air is right unless it was mirrored.
    spacing_mm = mammogram["original_spacing_mm"]
    marks.draw_scale_bar(plain, field, spacing_mm=spacing_mm, at_left=geometry.flipped)
    scale.draw_bar(figure.add_axes(BAR_AXES), caption.threshold, colour=marks.TEXT)
    _write_title(figure, mammogram, caption)
    _write_legend(figure, outlines, regions, caption)
    if mammogram["dataset"] == "phantom":
        marks.mark_synthetic(figure, (plain, heat), at_left=geometry.flipped)
    # Compression level 3 is twice as fast as the default and the files a tenth larger.
    options = {"compress_level": 3}
    write_atomic(path, lambda temporary: figure.savefig(temporary, dpi=DPI, pil_kwargs=options))


def _write_title(figure: Figure, mammogram: Mapping, caption: Caption) -> None:
    view = " ".join(filter(None, (mammogram["laterality"], mammogram["view"])))
    title = "   ".join(filter(None, (mammogram["image_id"], view)))
    size = 20 * min(1, TITLE_LETTERS / len(title))
    style = {"color": marks.TEXT, "parse_math": False}
    figure.text(0.015, 0.955, title, fontsize=size, weight="bold", **style)
    model = caption.model if len(caption.model) <= 40 else f"…{caption.model[-39:]}"
    words = f"model {model}     prior in use: {percent(caption.prior)}"
    words += " (set)" if caption.prior_is_set else ""
    figure.text(0.985, 0.957, words, fontsize=13, ha="right", **style)


def _write_legend(figure: Figure, outlines: list[dict], regions: Regions, caption: Caption) -> None:
    """One line below the pictures, in the colours of what it explains."""
    figure.text(0.015, 0.02, "Mammogram", color=marks.TEXT, fontsize=13)
    count = len(regions.table)
    regions_found = f"{count or 'no'} region{'' if count == 1 else 's'}"
    found = f"Heatmap: {regions_found} above {percent(caption.threshold)}"
    figure.text(0.475, 0.02, found, color=marks.REGION, fontsize=13)
    known = any(o["circle"] or o["polygons"] for o in outlines)
    words = "outlined finding" if known else "no outlined finding"
    if known and not all(o["positive"] for o in outlines):
        words += " (dotted: not counted as abnormal)"
    figure.text(0.92, 0.02, words, color=marks.TRUTH, fontsize=13, ha="right")
