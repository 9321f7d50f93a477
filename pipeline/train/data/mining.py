"""Hard negatives: where a model raises its worst false alarms on the training patients."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from pipeline.annotations.labels import NEGATIVE
from pipeline.model.map_grid import finish_map, finite_positions
from pipeline.model.peaks import find_peaks
from pipeline.model.validation import MapRule
from pipeline.preprocess.positions import position_grid
from pipeline.preprocess.store.entries import network_input, read_image
from pipeline.run.progress import shown
from pipeline.train.data.corpus import TrainingImage

MINED_COLUMNS = ("image_id", "row", "col", "logit")
# Of one mammogram, so that a single difficult breast does not fill the table.
MOST_PER_IMAGE = 10


def mine(
    images: list[TrainingImage],
    logit_map: Callable[[np.ndarray], np.ndarray],
    rule: MapRule,
    *,
    level: float = 0.0,
    limit: int,
) -> pd.DataFrame:
    """The highest local maxima at negative positions of the training mammograms.

    Never in an outline or its ignored surroundings, and never of other patients: `images` are
    those of the training.

    Args:
        logit_map: image (H, W) float32 in [0, 1] to logits at the pitch of the rule.
        level: `map_level` of a usual mammogram.
        limit: number of alarms to keep, the highest first.

    Returns:
        Table of MINED_COLUMNS; row and col in standard pixels.
    """
    found = [
        _alarms(image, logit_map, rule, level) for image in shown(iter(images), len(images), "mine")
    ]
    table = pd.concat(found, ignore_index=True).sort_values(
        ["logit", "image_id", "row", "col"], ascending=[False, True, True, True]
    )
    return table.head(limit).reset_index(drop=True)


def _alarms(image: TrainingImage, logit_map: Callable, rule: MapRule, level: float) -> pd.DataFrame:
    pixels = network_input(read_image(image.store))
    finite = finite_positions(
        image.breast, height=image.height, width=image.width, pitch_px=rule.pitch_px
    )
    logits = finish_map(
        logit_map(pixels),
        finite,
        smooth_cells=rule.smooth_cells,
        level_share=rule.level_share,
        level=level,
    )
    at_row, at_col = find_peaks(
        np.where(finite, logits, np.nan),
        min_distance_cells=rule.candidate_cells,
        limit=5 * MOST_PER_IMAGE,
    )
    rows, cols = position_grid(image.height, image.width, rule.pitch_px)
    negative = image.labels(rows[at_row], cols[at_col]) == NEGATIVE
    kept = np.flatnonzero(negative)[:MOST_PER_IMAGE]
    return pd.DataFrame(
        {
            "image_id": image.image_id,
            "row": rows[at_row[kept]],
            "col": cols[at_col[kept]],
            "logit": logits[at_row[kept], at_col[kept]],
        },
        columns=list(MINED_COLUMNS),
    )
