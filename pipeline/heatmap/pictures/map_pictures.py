"""The pictures of a map beside its mammogram: the heatmap, and how far the map's copies differ."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.annotations.outlines import Outline
from pipeline.heatmap.pictures import marks
from pipeline.heatmap.pictures.colours import ProbabilityScale, SpreadScale
from pipeline.heatmap.pictures.field import on_picture
from pipeline.heatmap.pictures.sheet import Caption, Sheet, new_sheet
from pipeline.heatmap.regions import Regions
from pipeline.model.image_map import ImageMap
from pipeline.run.words import percent


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
    sheet = new_sheet(mammogram, caption)
    scale = ProbabilityScale(low=caption.prior)
    share = on_picture(scale.share(image_map.probability), image_map, sheet.field, sheet.grey.shape)
    marks.show(sheet.right, scale.blend(sheet.grey, share), sheet.field)
    marks.draw_regions(sheet.right, image_map, regions, sheet.field)
    marks.draw_outlines(sheet.right, outlines)
    scale.draw_bar(sheet.bar, caption.threshold, colour=marks.TEXT)
    _write_legend(sheet, outlines, regions, caption)
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
    sheet = new_sheet(mammogram, caption)
    scale = SpreadScale()
    share = on_picture(scale.share(image_map.spread), image_map, sheet.field, sheet.grey.shape)
    marks.show(sheet.right, scale.blend(sheet.grey, share), sheet.field)
    marks.draw_regions(sheet.right, image_map, regions, sheet.field, label=_rank_and_spread)
    scale.draw_bar(sheet.bar, colour=marks.TEXT)
    words = f"Uncertainty: sd of the log odds over {caption.copies}"
    sheet.explain(words, colour=marks.TEXT)
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


def _rank_and_spread(region: Any) -> str:
    return f"{region.rank}: sd {region.logit_sd:.2f}"
