"""The picture of a map: the mammogram beside its heatmap, as the original image is oriented."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.annotations.outlines import Outline
from pipeline.heatmap import marks
from pipeline.heatmap.colours import ProbabilityScale
from pipeline.heatmap.field import on_picture
from pipeline.heatmap.regions import Regions
from pipeline.heatmap.sheet import Caption, Sheet, new_sheet
from pipeline.model.maps import ImageMap
from pipeline.run.words import percent


def write_overlay(
    path: Path,
    mammogram: Mapping,
    image_map: ImageMap,
    regions: Regions,
    outlines: Sequence[Outline],
    caption: Caption,
) -> None:
    """Write the picture of one mammogram, 1600 x 1000 pixels, atomically.

    Args:
        mammogram: row of mammograms.csv.
        outlines: its outlines, in original pixels.
    """
    sheet = new_sheet(mammogram, caption)
    scale = ProbabilityScale(low=caption.prior)
    share = on_picture(scale.share(image_map.probability), image_map, sheet.field, sheet.grey.shape)
    marks.show(sheet.right, scale.blend(sheet.grey, share), sheet.field)
    marks.draw_regions(sheet.right, image_map, regions, sheet.field)
    marks.draw_outlines(sheet.right, outlines)
    scale.draw_bar(sheet.bar, caption.threshold, colour=marks.TEXT)
    _write_legend(sheet, outlines, regions, caption)
    sheet.save(path, mammogram)


def _write_legend(
    sheet: Sheet, outlines: Sequence[Outline], regions: Regions, caption: Caption
) -> None:
    """One line below the heatmap, in the colours of what it explains."""
    count = len(regions.table)
    regions_found = f"{count or 'no'} region{'' if count == 1 else 's'}"
    found = f"Heatmap: {regions_found} above {percent(caption.threshold)}"
    sheet.explain(found, colour=marks.REGION)
    words = "outlined finding" if outlines else "no outlined finding"
    if not all(outline.positive for outline in outlines):
        words += " (dotted: not counted as abnormal)"
    sheet.figure.text(0.92, 0.02, words, color=marks.TRUTH, fontsize=13, ha="right")
