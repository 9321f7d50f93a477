"""A heatmap made from the outlines, judged as that of a network is.

It must find every lesion before any false alarm. Where it does not, a place, a breast mask or
the rule of candidates is wrong, and no network could be judged.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pipeline.annotations.geometry import geometry_of
from pipeline.annotations.labels import LabelRule
from pipeline.annotations.outlines import (
    Outline,
    read_outlines,
    standard_outlines,
    write_outlines,
)
from pipeline.heatmap.work import Work, tabulate, write_tables
from pipeline.model.calibration import Calibration
from pipeline.model.map_grid import finite_positions
from pipeline.model.maps import ImageMap, original_axes, read_map, write_map
from pipeline.preprocess.positions import position_grid
from pipeline.preprocess.store.entries import read_breast
from pipeline.preprocess.tables import (
    read_mammograms,
    read_positions,
    write_mammograms,
    write_positions,
)
from pipeline.run.layout import RunFolder
from pipeline.run.settings import Remembered, load_settings, recall, remember

OUTSIDE, INSIDE = -8.0, 4.0


def write_oracle(run: RunFolder, work: Work) -> None:
    """Map the test mammograms of a run from their outlines, into `work.folder`.

    Args:
        run: has the tables of preprocess.
        work: card and pitch of the run's own maps.
    """
    oracle = work.folder
    mammograms, outlines, positions = read_mammograms(run), read_outlines(run), read_positions(run)
    mammograms = mammograms[mammograms["split"] == "test"]
    positions = positions[positions["split"] == "test"]
    outlines = {image_id: outlines.get(image_id, []) for image_id in mammograms["image_id"]}
    # Whose model: its label rule and its lengths, as every evaluation reads them.
    said = recall(run)
    borrowed = Remembered(said.config, said.overrides, said.model or str(run.root))
    remember(oracle, load_settings(run), borrowed)
    write_mammograms(oracle, mammograms)
    write_outlines(oracle, outlines)
    write_positions(oracle, positions)
    rows = dict(iter(positions.groupby("image_id")))
    described = {}
    for mammogram in mammograms.to_dict("records"):
        image_id = mammogram["image_id"]
        path = oracle.heatmap(image_id)
        _write_oracle_map(path, work, mammogram, outlines[image_id])
        mine = rows.get(image_id, positions.iloc[:0])
        described[image_id], _ = tabulate(work, mammogram, read_map(path), mine)
    write_tables(oracle, described)


def oracle_map(
    mammogram: Mapping,
    outlines: Sequence[Outline],
    breast: np.ndarray,
    *,
    rule: LabelRule,
    pitch_px: int,
    calibration: Calibration,
) -> ImageMap:
    """The map that the outlines of a mammogram would make.

    Logits are high inside the outlines that count, the higher the more of them share the place
    and the nearer it is to the centre of the nearest, so that each has a maximum of its own.

    Args:
        mammogram: row of mammograms.csv.
        outlines: its outlines, in original pixels.
        breast: its breast mask.
    """
    geometry = geometry_of(mammogram)
    rows, cols = position_grid(geometry.height, geometry.width, pitch_px)
    counting = [o for o in standard_outlines(outlines, geometry) if o.positive]
    logit = _logit(rows[:, None], cols[None, :], counting, rule)
    finite = finite_positions(
        breast, height=geometry.height, width=geometry.width, pitch_px=pitch_px
    )
    logit = np.where(finite, logit, np.nan).astype(np.float32)
    original = original_axes(mammogram, pitch_px=pitch_px)
    return ImageMap(logit, calibration.probability(logit), *original)


def _logit(
    rows: np.ndarray, cols: np.ndarray, outlines: Sequence[Outline], rule: LabelRule
) -> np.ndarray:
    shape = np.broadcast_shapes(rows.shape, cols.shape)
    shared, nearest = np.zeros(shape), np.full(shape, np.inf)
    for outline in outlines:
        inside = rule.hits(outline, rows, cols)
        shared += inside
        distance = np.hypot(rows - outline.centre[0], cols - outline.centre[1])
        nearest = np.where(inside, np.minimum(nearest, distance), nearest)
    closeness = 1 / (1 + nearest / max(rule.min_radius_px, 1.0))
    return np.where(shared > 0, INSIDE + shared + closeness, OUTSIDE)


def _write_oracle_map(
    path: Path, work: Work, mammogram: Mapping, outlines: Sequence[Outline]
) -> None:
    image_map = oracle_map(
        mammogram,
        outlines,
        read_breast(mammogram["store"]),
        rule=LabelRule.from_settings(work.card.labels, mammogram["spacing_mm"]),
        pitch_px=work.pitch_px,
        calibration=work.card.calibration,
    )
    write_map(path, image_map, key="outlines")
