"""A heatmap made from the outlines, judged as that of a network is.

It must find every lesion before any false alarm. Where it does not, a place, a breast mask or
the rule of candidates is wrong, and no network could be judged.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipeline.annotations.geometry import geometry_of
from pipeline.annotations.labels import LabelRule
from pipeline.annotations.outlines import Outline, standard_outlines
from pipeline.model.card import ModelCard
from pipeline.model.map_rule import MapRule
from pipeline.preprocess.positions import position_grid
from pipeline.run.layout import RunFolder
from pipeline.studies.part_maps import Row, mammograms_of_the_test, map_part

OUTSIDE, INSIDE = -8.0, 4.0


@dataclass(frozen=True)
class OracleMapper:
    """A Mapper that knows the truth of one mammogram.

    Logits are high inside the outlines that count, the higher the more of them share the place
    and the nearer it is to the centre of the nearest, so that each has a maximum of its own.
    """

    outlines: Sequence[Outline]  # those that count, in standard pixels
    rule: LabelRule  # says what lies in an outline
    stride_px: int  # between positions

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
        card, pitch_px: of the run's own maps. Candidates are ranked by the map alone, for what a
            score was fitted on is not in it.
    """
    card = card.model_copy(update={"candidate_score": None})
    rule = replace(card.map_rule(stride_px=pitch_px).at_own_level(), smooth_cells=0.0)

    def mapper_of(mammogram: Row, outlines: Sequence[Outline]) -> OracleMapper:
        counting = [o for o in standard_outlines(outlines, geometry_of(mammogram)) if o.positive]
        labels = LabelRule.from_settings(card.labels, mammogram["spacing_mm"])
        return OracleMapper(counting, labels, pitch_px)

    map_part(run, oracle, mammograms_of_the_test(run), card, rule, mapper_of)
