"""Whether the probabilities can be taken at their word, before and after calibration."""

from collections.abc import Callable

import numpy as np

from pipeline.evaluate.judge import Bootstrap
from pipeline.evaluate.load import Judged
from pipeline.figures.calibration import (
    brier,
    ece,
    log_loss_from_logits,
    observed_over_expected,
    reliability,
    sigmoid,
    slope_intercept,
)
from pipeline.figures.figure import Figure
from pipeline.figures.resampled import calibration_samples
from pipeline.figures.undefined import Undefined


def calibration_summary(judged: Judged, bootstrap: Bootstrap) -> dict:
    """Calibration at natural frequency: of the trained logits, of the calibrated ones, and of
    the calibrated ones with every lesion counted alike."""
    if not len(judged.positions):
        reason = "there are no labelled positions to judge"
        return {"before": None, "after": None, "lesions_equal": None, "reason": reason}
    labels = judged.positions["label"].to_numpy()
    before = judged.positions["trained_logit"].to_numpy()
    after = judged.positions["logit"].to_numpy()
    alike = lesion_weights(judged)
    slope, ratio = _slope_and_ratio(judged, after, bootstrap, item_weights=alike)
    table = reliability(sigmoid(after), labels)
    return {
        "before": calibration_figures(judged, before, bootstrap),
        "after": calibration_figures(judged, after, bootstrap),
        "lesions_equal": {"slope": slope.as_dict(), "observed_over_expected": ratio.as_dict()},
        "reliability": [
            {"mean_probability": p, "observed": o, "count": c}
            for p, o, c in zip(
                table.mean_probability.tolist(),
                table.observed.tolist(),
                table.count.tolist(),
                strict=True,
            )
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


def calibration_figures(judged: Judged, logits: np.ndarray, bootstrap: Bootstrap) -> dict:
    """How well the probabilities of these logits (n,) fit the labels of the judged positions."""
    labels = judged.positions["label"].to_numpy()
    slope, ratio = _slope_and_ratio(judged, logits, bootstrap)
    return {
        "log_loss": log_loss_from_logits(logits, labels),
        "brier": brier(sigmoid(logits), labels),
        "ece": ece(sigmoid(logits), labels),
        "intercept": _number_or_none(lambda: slope_intercept(logits, labels)[1]),
        "slope": slope.as_dict(),
        "observed_over_expected": ratio.as_dict(),
    }


def _slope_and_ratio(
    judged: Judged, logits: np.ndarray, bootstrap: Bootstrap, *, item_weights=None
) -> tuple[Figure, Figure]:
    labels = judged.positions["label"].to_numpy()
    patient = judged.positions["patient"].to_numpy()
    ratios, slopes = calibration_samples(
        logits, labels, patient, bootstrap.weights, item_weights=item_weights
    )
    slope = bootstrap.figure(
        lambda: slope_intercept(logits, labels, item_weights)[0], lambda: slopes, n=len(labels)
    )
    ratio = bootstrap.figure(
        lambda: observed_over_expected(sigmoid(logits), labels, item_weights),
        lambda: ratios,
        n=len(labels),
    )
    return slope, ratio


def _number_or_none(compute: Callable[[], float]) -> float | None:
    try:
        return compute()
    except Undefined:
        return None  # the slope beside it carries the reason
