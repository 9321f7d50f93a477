"""The worst errors to look at: lesions with the lowest score, false alarms with the highest."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure as Drawing
from scipy.special import expit

from pipeline.annotations.geometry import geometry_of
from pipeline.annotations.outlines import standard_outlines
from pipeline.evaluate.load import Judged
from pipeline.evaluate.matching import match_candidates
from pipeline.figures.figure import Undefined
from pipeline.figures.froc import threshold_at
from pipeline.preprocess.contact_sheet import draw_patch
from pipeline.run.atomic import write_atomic
from pipeline.run.words import percent

SHOWN = 8
FP_PER_IMAGE = 1.0
PATCH_MM = 38.4  # three times the window that the network sees


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


def draw_worst(judged: Judged, errors: Mapping[str, list[dict]], folder: Path) -> list[Path]:
    """Draw the patches around them into FOLDER/worst.png; without any, remove it."""
    path = folder / "worst.png"
    if not any(errors.values()):
        path.unlink(missing_ok=True)
        return []
    rows = [(name, errors[name]) for name in ("misses", "false_alarms") if errors[name]]
    drawing = Drawing(figsize=(1.5 * SHOWN, 0.4 + 1.8 * len(rows)), layout="constrained")
    axes = drawing.subplots(len(rows), SHOWN, squeeze=False)
    images = judged.images.set_index("image_id", drop=False)
    for (name, found), row in zip(rows, axes, strict=True):
        row[0].set_title(f"worst {name.replace('_', ' ')}", loc="left", fontsize=9)
        for ax in row:
            ax.axis("off")
        for ax, error in zip(row, found, strict=False):
            mammogram = images.loc[error["image_id"]]
            geometry = geometry_of(mammogram)
            at_row, at_col = geometry.to_standard(error["row"], error["col"])
            shapes = standard_outlines(judged.outlines[error["image_id"]], geometry)
            draw_patch(ax, mammogram, float(at_row), float(at_col), shapes, patch_mm=PATCH_MM)
            words = _shown(error, highest=judged.card.calibration.highest)
            ax.text(0.02, 0.9, words, transform=ax.transAxes, fontsize=6, color="yellow")
    synthetic = "SYNTHETIC DATA: " if judged.is_synthetic else ""
    drawing.suptitle(
        f"{synthetic}patches of {PATCH_MM:g} mm; missed at {FP_PER_IMAGE:g} false alarm per image",
        fontsize=9,
    )
    write_atomic(path, lambda temporary: drawing.savefig(temporary, dpi=120))
    return [path]


def _error(image_id: str, row: float, col: float, score: float, *, highest: float, **more) -> dict:
    probability = min(float(expit(score)), highest) if np.isfinite(score) else None
    place = {"row": round(float(row), 1), "col": round(float(col), 1)}
    return {"image_id": image_id, **place, "probability": probability, **more}


def _shown(error: dict, *, highest: float) -> str:
    if error["probability"] is None:
        return f"{error['kind']}: no candidate"
    return f"{error.get('kind', '')} {percent(error['probability'], highest)}".strip()
