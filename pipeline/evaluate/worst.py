"""The worst errors to look at: lesions with the lowest score, false alarms with the highest."""

from functools import partial

import numpy as np
from scipy.special import expit

from pipeline.evaluate.load import Judged
from pipeline.evaluate.matching import match_candidates
from pipeline.figures.figure import Undefined
from pipeline.figures.froc import threshold_at

SHOWN = 8
FP_PER_IMAGE = 1.0


def worst_errors(judged: Judged, *, count: int = SHOWN) -> dict[str, list[dict]]:
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
    for index in missed[:count]:
        lesion, score = matched.lesions[index], matches.lesion_scores[index]
        image_id = image_ids[matches.lesion_images[index]]
        row, col = lesion.centre
        misses.append(error(image_id, row, col, score, kind=lesion.kind))
    false_alarms = []
    for index in np.argsort(-matches.false_scores, kind="stable")[:count]:
        row, col = judged.candidates.loc[matched.alarms[index], ["row", "col"]]
        image_id = image_ids[matches.false_images[index]]
        false_alarms.append(error(image_id, row, col, matches.false_scores[index]))
    return {"misses": misses, "false_alarms": false_alarms}


def _error(image_id: str, row: float, col: float, score: float, *, highest: float, **more) -> dict:
    probability = min(float(expit(score)), highest) if np.isfinite(score) else None
    place = {"row": round(float(row), 1), "col": round(float(col), 1)}
    return {"image_id": image_id, **place, "probability": probability, **more}
