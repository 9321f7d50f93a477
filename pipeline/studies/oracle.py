"""A heatmap made from the outlines, judged as that of a network is.

It must find every lesion before any false alarm. Where it does not, a place, a breast mask or
the rule of candidates is wrong, and no network could be judged.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipeline.annotations.geometry import geometry_of
from pipeline.annotations.labels import LabelRule
from pipeline.annotations.outlines import (
    Outline,
    read_outlines,
    standard_outlines,
    write_outlines,
)
from pipeline.heatmap.image_tables import tabulate, write_tables
from pipeline.model.card import ModelCard
from pipeline.model.image_map import map_mammogram, write_map
from pipeline.model.map_rule import MapRule
from pipeline.preprocess.positions import position_grid
from pipeline.preprocess.tables import (
    read_mammograms,
    read_positions,
    write_mammograms,
    write_positions,
)
from pipeline.run.layout import RunFolder
from pipeline.run.settings import Remembered, load_settings, recall, remember

OUTSIDE, INSIDE = -8.0, 4.0


@dataclass(frozen=True)
class OracleMapper:
    """A Mapper that knows the truth of one mammogram.

    Logits are high inside the outlines that count, the higher the more of them share the place
    and the nearer it is to the centre of the nearest, so that each has a maximum of its own.

    Attributes:
        outlines: those that count, in standard pixels.
        rule: says what lies in an outline.
        stride_px: between positions.
    """

    outlines: Sequence[Outline]
    rule: LabelRule
    stride_px: int

    def __call__(self, image: np.ndarray, rule: MapRule) -> tuple[np.ndarray, None]:
        height, width = image.shape
        rows, cols = np.ix_(*position_grid(height, width, rule.pitch_px))
        shared = np.zeros((rows.size, cols.size))
        nearest = np.full_like(shared, np.inf)
        for outline in self.outlines:
            inside = self.rule.hits(outline, rows, cols)
            shared += inside
            distance = np.hypot(rows - outline.centre[0], cols - outline.centre[1])
            nearest = np.where(inside, np.minimum(nearest, distance), nearest)
        closeness = 1 / (1 + nearest / max(self.rule.min_radius_px, 1.0))
        return np.where(shared > 0, INSIDE + shared + closeness, OUTSIDE).astype(np.float32), None


def write_oracle(run: RunFolder, oracle: RunFolder, card: ModelCard, *, pitch_px: int) -> None:
    """Map the test mammograms of a run from their outlines.

    Args:
        run: has the tables of preprocess.
        oracle: gets the maps, and tables as heatmap writes them.
        card, pitch_px: of the run's own maps.
    """
    mammograms, outlines, positions = read_mammograms(run), read_outlines(run), read_positions(run)
    mammograms = mammograms[mammograms["split"] == "test"]
    positions = positions[positions["split"] == "test"]
    outlines = {image_id: outlines.get(image_id, []) for image_id in mammograms["image_id"]}
    settings, remembered = load_settings(run), recall(run)
    # Whose model: its label rule and its lengths, as every evaluation reads them.
    model = remembered.model or str(run.root)
    remember(oracle, settings, Remembered(remembered.config, remembered.overrides, model))
    write_mammograms(oracle, mammograms)
    write_outlines(oracle, outlines)
    write_positions(oracle, positions)
    rule = replace(card.map_rule(stride_px=pitch_px).at_own_level(), smooth_cells=0.0)
    rows = dict(iter(positions.groupby("image_id")))
    tables = []
    for mammogram in mammograms.to_dict("records"):
        image_id = mammogram["image_id"]
        geometry = geometry_of(mammogram)
        counting = [o for o in standard_outlines(outlines[image_id], geometry) if o.positive]
        labels = LabelRule.from_settings(card.labels, mammogram["spacing_mm"])
        mapper = OracleMapper(counting, labels, pitch_px)
        image_map = map_mammogram(mammogram, mapper, rule, card.calibration)
        write_map(oracle.heatmap(image_id), image_map, key="outlines")
        own = rows.get(image_id, positions.iloc[:0])
        tables.append(
            tabulate(
                mammogram,
                image_map,
                own,
                outlines[image_id],
                rule,
                labels=card.labels,
                threshold=card.region_threshold,
                min_area_mm2=settings.heatmap.min_region_mm2,
            )
        )
    write_tables(oracle, tables)
