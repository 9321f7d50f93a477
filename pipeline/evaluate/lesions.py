"""The table of lesions: what became of each, and how many places had to be looked at before it."""

from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.evaluate.load import Judged
from pipeline.evaluate.matching import match_candidates
from pipeline.figures.figure import Undefined
from pipeline.figures.froc import candidate_ranks
from pipeline.run.csv_tables import write_csv

LESION_COLUMNS = [
    "image_id", "patient_id", "laterality", "view", "finding_id", "kind", "pathology", "row", "col",
    "rank", "score",
]  # fmt: skip


def write_lesions(judged: Judged, path: Path) -> None:
    """Write one row of LESION_COLUMNS for each lesion that the figures of FROC rest on."""
    write_csv(path, lesion_table(judged), float_format="%.9g")


def lesion_table(judged: Judged) -> pd.DataFrame:
    """LESION_COLUMNS of each lesion; `rank` and `score` of its best candidate, NaN without one."""
    try:
        matched = match_candidates(judged)
    except Undefined:
        return pd.DataFrame(columns=LESION_COLUMNS)
    matches, lesions = matched.matches, matched.lesions
    images = matched.images.iloc[matches.lesion_images].reset_index(drop=True)
    scores = matches.lesion_scores
    return pd.DataFrame(
        {
            **{name: images[name] for name in ("image_id", "patient_id", "laterality", "view")},
            **{n: [getattr(o, n) for o in lesions] for n in ("finding_id", "kind", "pathology")},
            "row": [lesion.centre[0] for lesion in lesions],
            "col": [lesion.centre[1] for lesion in lesions],
            "rank": candidate_ranks(matches),
            "score": np.where(np.isfinite(scores), scores, np.nan),
        },
        columns=LESION_COLUMNS,
    )
