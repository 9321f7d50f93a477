"""What became of each lesion, how many places are looked at before it, and the worst errors."""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit

from pipeline.evaluate.load import Judged
from pipeline.evaluate.matching import match_candidates
from pipeline.figures.figure import Undefined
from pipeline.figures.froc import candidate_ranks, threshold_at
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


SHOWN = 8
FP_PER_IMAGE = 1.0


def worst_errors(judged: Judged) -> dict[str, list[dict]]:
    """Lesions that one false alarm per image does not find, worst first, and false alarms.

    Returns:
        {"misses": [...], "false_alarms": [...]}: image_id, row and col in original pixels,
        probability (None: no candidate lies in the lesion), kind of a missed lesion.
    """
    try:
        matched = match_candidates(judged)
        threshold = threshold_at(matched.matches, FP_PER_IMAGE)
    except Undefined:
        return {"misses": [], "false_alarms": []}
    matches, image_ids = matched.matches, matched.images["image_id"].to_numpy()
    error = partial(_error, highest=judged.card.calibration.highest)
    worst_first = np.argsort(matches.lesion_scores, kind="stable")
    missed = worst_first[matches.lesion_scores[worst_first] < threshold]
    misses = []
    for index in missed[:SHOWN]:
        lesion, score = matched.lesions[index], matches.lesion_scores[index]
        image_id = image_ids[matches.lesion_images[index]]
        row, col = lesion.centre
        misses.append(error(image_id, row, col, score, kind=lesion.kind))
    false_alarms = []
    for index in np.argsort(-matches.false_scores, kind="stable")[:SHOWN]:
        row, col = judged.candidates.loc[matched.alarms[index], ["row", "col"]]
        image_id = image_ids[matches.false_images[index]]
        false_alarms.append(error(image_id, row, col, matches.false_scores[index]))
    return {"misses": misses, "false_alarms": false_alarms}


def _error(image_id: str, row: float, col: float, score: float, *, highest: float, **more) -> dict:
    probability = min(float(expit(score)), highest) if np.isfinite(score) else None
    place = {"row": round(float(row), 1), "col": round(float(col), 1)}
    return {"image_id": image_id, **place, "probability": probability, **more}
