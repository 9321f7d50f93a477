"""From the map of one mammogram to its tables and pictures: the work of one worker."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipeline.annotations.outlines import Outline
from pipeline.heatmap.image_tables import ImageTables, tabulate
from pipeline.heatmap.pictures.map_pictures import Caption, write_overlay, write_uncertainty
from pipeline.heatmap.pictures.viewer_entry import write_viewer_entry
from pipeline.model.card import ModelCard
from pipeline.model.image_map import read_map
from pipeline.model.map_rule import MapRule
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder


@dataclass(frozen=True)
class DescribeJob:
    """A mammogram whose map is there."""

    mammogram: dict[str, Any]  # row of mammograms.csv
    # positions, outlines: its rows of positions.parquet, and its outlines in original pixels
    positions: pd.DataFrame
    outlines: list[Outline]
    other: float  # highest logit of the other breast, see `other_breast`
    place: RunFolder  # where its map is, and the pictures go
    rule: MapRule
    card: ModelCard
    caption: Caption
    min_area_mm2: float  # smaller areas are no regions
    uncertainty: bool  # also draw how far the copies of the map differ
    images: int  # how many there are


def describe(image: DescribeJob) -> ImageTables | UserError:
    """Write the pictures of a mammogram; returns its tables, or what keeps it from that."""
    image_id, place = image.mammogram["image_id"], image.place
    image_map = read_map(place.heatmap(image_id))
    try:
        tables = tabulate(
            image.mammogram,
            image_map,
            image.positions,
            image.outlines,
            image.rule,
            image.card,
            other=image.other,
            min_area_mm2=image.min_area_mm2,
        )
    except UserError as error:  # a worker must not raise
        return error
    shown = image.mammogram, image_map, tables.regions
    write_overlay(place.overlay(image_id), *shown, image.outlines, image.caption)
    write_viewer_entry(
        place.viewer_entry(image_id),
        *shown,
        image.outlines,
        prior=image.caption.prior,
        images=image.images,
    )
    if image.uncertainty:
        write_uncertainty(place.uncertainty_picture(image_id), *shown, image.caption)
    return tables
