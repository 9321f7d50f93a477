"""Whether the probabilities can be taken at their word, before and after calibration."""

import numpy as np
from scipy.special import expit

from pipeline.evaluate.judge import Bootstrap, scored_positions
from pipeline.evaluate.load import Judged
from pipeline.figures.cases import Scored
from pipeline.figures.registry import Metric, probability_metrics
from pipeline.figures.reliability import reliability
from pipeline.figures.undefined import Undefined


def calibration_summary(judged: Judged, bootstrap: Bootstrap) -> dict:
    """Calibration at natural frequency: of the trained logits, of the calibrated ones, and of
    the calibrated ones with every lesion counted alike."""
    try:
        after = scored_positions(judged)
    except Undefined as why:
        return {"before": None, "after": None, "lesions_equal": None, "reason": str(why)}
    before = after.scored_by(judged.positions["trained_logit"].to_numpy())
    alike = Scored(after.labels, after.scores, after.patient, lesion_weights(judged))
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
    return {
        metric.name: bootstrap.judge(metric, cases).as_dict()
        if metric.with_interval
        else _number_or_none(metric, cases)
        for metric in probability_metrics()
    }


def _number_or_none(metric: Metric, cases: Scored) -> float | None:
    try:
        return metric.value(cases)
    except Undefined:
        return None  # the slope beside it carries the reason
