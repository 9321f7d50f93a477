"""Hard negatives: where a model raises its worst false alarms on the training patients."""

from dataclasses import replace

import numpy as np
import pandas as pd

from pipeline.annotations.labels import NEGATIVE
from pipeline.model.candidates import find_candidates
from pipeline.model.image_map import Mapper, map_entry
from pipeline.model.map_rule import MapRule
from pipeline.preprocess.positions import position_grid
from pipeline.run.progress import shown
from pipeline.train.data.corpus import TrainingImage

MINED_COLUMNS = ("image_id", "row", "col", "row_standard", "col_standard", "logit")
# Of one mammogram, so that a single difficult breast does not fill the table.
MOST_PER_IMAGE = 10


def mine(images: list[TrainingImage], mapper: Mapper, rule: MapRule, *, limit: int) -> pd.DataFrame:
    """The highest candidates at negative positions of the training mammograms.

    Never in an outline or its ignored surroundings, and never of other patients: `images` are
    those of the training.

    Returns:
        Table of MINED_COLUMNS; row and col in original pixels.
    """
    found = [_alarms(image, mapper, rule) for image in shown(images, len(images), "mine: maps")]
    table = pd.concat(found, ignore_index=True).sort_values(
        ["logit", "image_id", "row_standard", "col_standard"], ascending=[False, True, True, True]
    )
    return table.head(limit).reset_index(drop=True)


def _alarms(image: TrainingImage, mapper: Mapper, rule: MapRule) -> pd.DataFrame:
    logits, _ = map_entry(image.store, mapper, rule)
    found = find_candidates(logits, replace(rule, max_candidates=5 * MOST_PER_IMAGE))
    at_row, at_col = found.rows, found.cols
    rows, cols = position_grid(image.height, image.width, rule.pitch_px)
    negative = image.labels(rows[at_row], cols[at_col]) == NEGATIVE
    kept = np.flatnonzero(negative)[:MOST_PER_IMAGE]
    row_standard, col_standard = rows[at_row[kept]], cols[at_col[kept]]
    row, col = image.geometry.to_original(row_standard, col_standard)
    return pd.DataFrame(
        {
            "image_id": image.image_id,
            "row": row,
            "col": col,
            "row_standard": row_standard,
            "col_standard": col_standard,
            "logit": logits[at_row[kept], at_col[kept]],
        },
        columns=list(MINED_COLUMNS),
    )
