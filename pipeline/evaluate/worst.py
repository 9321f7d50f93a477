"""The worst errors to look at: lesions with the lowest score, false alarms with the highest."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure as Drawing
from scipy.special import expit

from pipeline.annotations.geometry import geometry_of
from pipeline.annotations.outlines import standard_outlines
from pipeline.evaluate.load import Judged
from pipeline.evaluate.matching import Matched, match_candidates
from pipeline.figures.froc import threshold_at
from pipeline.figures.undefined import Undefined
from pipeline.preprocess.contact_sheet import draw_patch
from pipeline.run.atomic import write_atomic

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
    return {
        "misses": _misses(judged, matched, threshold)[:count],
        "false_alarms": _false_alarms(judged, matched, count),
    }


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
            ax.text(0.02, 0.9, _shown(error), transform=ax.transAxes, fontsize=6, color="yellow")
    synthetic = "SYNTHETIC DATA: " if judged.is_synthetic else ""
    drawing.suptitle(
        f"{synthetic}patches of {PATCH_MM:g} mm; missed at {FP_PER_IMAGE:g} false alarm per image",
        fontsize=9,
    )
    write_atomic(path, lambda temporary: drawing.savefig(temporary, dpi=120))
    return [path]


def _misses(judged: Judged, matched: Matched, threshold: float) -> list[dict]:
    found = []
    number = 0
    for image in matched.images.to_dict("records"):
        counting = [o for o in judged.outlines[image["image_id"]] if o.positive]
        geometry = geometry_of(image)
        for outline in standard_outlines(counting, geometry):
            score = float(matched.matches.lesion_scores[number])
            number += 1
            if score >= threshold:
                continue
            row, col = geometry.to_original(*outline.centre)
            found.append((score, _error(image["image_id"], row, col, score, kind=outline.kind)))
    return [error for _, error in sorted(found, key=lambda pair: pair[0])]


def _false_alarms(judged: Judged, matched: Matched, count: int) -> list[dict]:
    matches = matched.matches
    errors = []
    for index in np.argsort(-matches.false_scores, kind="stable")[:count]:
        image_id = matched.images["image_id"].iloc[matches.false_images[index]]
        candidate = judged.candidates.loc[matched.alarms[index]]
        score = float(matches.false_scores[index])
        errors.append(_error(image_id, candidate["row"], candidate["col"], score))
    return errors


def _error(image_id: str, row, col, score: float, **more) -> dict:
    probability = float(expit(score)) if np.isfinite(score) else None
    return {
        "image_id": image_id,
        "row": round(float(row), 1),
        "col": round(float(col), 1),
        "probability": probability,
        **more,
    }


def _shown(error: dict) -> str:
    if error["probability"] is None:
        return f"{error['kind']}: no candidate"
    return f"{error.get('kind', '')} {100 * error['probability']:.2g} %".strip()
