"""The picture of how far the copies of a map differ: mirrored ones, and those of an ensemble."""

from collections.abc import Mapping
from pathlib import Path

from pipeline.heatmap import marks
from pipeline.heatmap.colours import SpreadScale
from pipeline.heatmap.field import on_picture
from pipeline.heatmap.regions import Regions
from pipeline.heatmap.sheet import Caption, new_sheet
from pipeline.model.maps import ImageMap


def write_uncertainty(
    path: Path, mammogram: Mapping, image_map: ImageMap, regions: Regions, caption: Caption
) -> None:
    """Write the picture of the spread of one map, 1600 x 1000 pixels, atomically.

    Args:
        mammogram: row of mammograms.csv.
        image_map: its map, with `spread`.
        regions: they are labelled with their rank and mean spread.
    """
    sheet = new_sheet(mammogram, caption)
    scale = SpreadScale()
    share = on_picture(scale.share(image_map.spread), image_map, sheet.field, sheet.grey.shape)
    marks.show(sheet.right, scale.blend(sheet.grey, share), sheet.field)
    marks.draw_regions(sheet.right, image_map, regions, sheet.field, label=_label)
    scale.draw_bar(sheet.bar, colour=marks.TEXT)
    words = f"Uncertainty: sd of the log odds over {caption.copies}"
    sheet.explain(words, colour=marks.TEXT)
    sheet.save(path, mammogram)


def _label(region) -> str:
    return f"{region.rank}: sd {region.logit_sd:.2f}"
