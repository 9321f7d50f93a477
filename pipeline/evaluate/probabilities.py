"""Whether the probabilities can be taken at their word, before and after calibration."""

from dataclasses import replace

import numpy as np
from scipy.special import expit

from pipeline.evaluate.judge import Bootstrap, scored_positions
from pipeline.evaluate.load import Judged
from pipeline.figures.bootstrap import Scored
from pipeline.figures.figure import Undefined
from pipeline.figures.registry import probability_metrics
from pipeline.figures.reliability import reliability


def calibration_summary(judged: Judged, bootstrap: Bootstrap) -> dict:
    """Calibration at natural frequency: of the trained logits, of the calibrated ones, and of
    the calibrated ones with every lesion counted alike."""
    try:
        after = scored_positions(judged)
    except Undefined as why:
        return {"before": None, "after": None, "lesions_equal": None, "reason": str(why)}
    before = after.scored_by(judged.positions["trained_logit"].to_numpy())
    alike = replace(after, weights=lesion_weights(judged))
    table = reliability(expit(after.scores), after.labels)
    bins = zip(table.mean_probability, table.observed, table.count, strict=True)
    return {
        "before": probability_figures(before, bootstrap),
        "after": probability_figures(after, bootstrap),
        "lesions_equal": {
            metric.name: bootstrap.judge(metric, alike).as_dict()
            for metric in probability_metrics()
            if metric.with_interval
        },
        "reliability": [
            {"mean_probability": float(p), "observed": float(o), "count": int(c)}
            for p, o, c in bins
        ],
    }


def lesion_weights(judged: Judged) -> np.ndarray:
    """Weights that count every lesion alike and leave the number of positives as it is, (n,)."""
    positive = judged.positions["label"].to_numpy() == 1
    lesion = judged.positions["image_id"] + "\n" + judged.positions["finding_id"]
    lesion = lesion[positive]
    size = lesion.map(lesion.value_counts()).to_numpy(dtype=np.float64)
    weights = np.ones(len(positive))
    if positive.any():
        weights[positive] = positive.sum() / (lesion.nunique() * size)
    return weights


def probability_figures(cases: Scored, bootstrap: Bootstrap) -> dict:
    """How well the probabilities of these logits fit the labels, by metric."""
    figures: dict[str, dict | float | None] = {}
    for metric in probability_metrics():
        if metric.with_interval:
            figures[metric.name] = bootstrap.judge(metric, cases).as_dict()
            continue
        try:
            figures[metric.name] = metric.value(cases)
        except Undefined:
            figures[metric.name] = None  # the slope beside it carries the reason
    return figures
