"""Temperature, training prior and bend of a calibration, fitted on women left out of a training."""

from dataclasses import replace

import numpy as np
from scipy.special import expit, logit

from pipeline.figures.figure import Undefined
from pipeline.figures.reliability import log_loss_from_logits, logistic_fit, slope_intercept
from pipeline.model.calibration import FEW_LESIONS, Calibration, halves

# Outside these limits a temperature is a sign of a broken model, not of over-confidence.
TEMPERATURE_LIMITS = (0.05, 20.0)
# A fitted share of positives nearer to 0 or 1 is a sign of a broken model.
_UNSURE = 1e-4
_FOLDS = 5


def fit_calibration(
    start: Calibration,
    labels: np.ndarray,
    logits: np.ndarray,
    *,
    lesions: int,
    patients: np.ndarray | None = None,
    findings: np.ndarray | None = None,
) -> Calibration:
    """Fit the temperature, with enough lesions the training prior, and a bend where it proves.

    Training sees as many positive as negative positions, but other negatives than life has: more
    of them lie near lesions. So the share of positives that its logits assume is not quite one
    half, and it is fitted together with the temperature. Then as many positives are promised as
    there are. On few lesions it would follow their number, which is chance.

    Every lesion weighs alike, however many positions it has; all positives together weigh what
    they are. Otherwise a few large lesions decide the temperature for all.

    The bend is kept only where it lowers the log loss of patients that it was not fitted on, by
    more than the standard error of what it lowers it by.

    What cannot be fitted stays as it was: both where a class is missing, and where the logits
    separate the classes, for then the best temperature would be 0, which a few positions cannot
    prove.

    Args:
        start: natural prior, training prior and temperature so far.
        labels: 0 or 1, (n,), at natural frequency.
        logits: as the network gives them, (n,).
        lesions: findings behind the positive labels.
        patients: of each position, (n,), any ids; without them nothing is bent.
        findings: behind each positive position, (n,), any ids; without them positions weigh alike.

    Source: Platt 1999, Probabilistic outputs for support vector machines (both parameters).
    """
    start = replace(start, bend=1.0, lesions=lesions, fitted_prior=start.natural_prior)
    if lacks_overlap(labels, logits):
        return start
    logits = logits.astype(np.float64)
    weights = None if findings is None else alike_weights(labels, findings)
    straight = _straight(start, labels, logits, weights)
    if patients is None:
        return straight
    bent = _bent(start, labels, logits, weights)
    gains = bent is not None and _bend_gains(start, labels, logits, weights, patients)
    return bent if bent is not None and gains else straight


def _straight(
    start: Calibration, labels: np.ndarray, logits: np.ndarray, weights: np.ndarray | None
) -> Calibration:
    if start.lesions is not None and start.lesions >= FEW_LESIONS:
        try:
            slope, intercept = slope_intercept(logits, labels, weights)
        except Undefined:  # all logits are equal, or each positive is below each negative one
            slope, intercept = 0.0, 0.0
        training_prior = _training_prior(start, intercept)
        low, high = TEMPERATURE_LIMITS
        # Otherwise the network hardly ranks.
        if 1 / high < slope < 1 / low and _UNSURE < training_prior < 1 - _UNSURE:
            return replace(start, temperature=1 / slope, training_prior=training_prior)
    from scipy.optimize import minimize_scalar  # takes half a second, and a map needs no fit

    found = minimize_scalar(
        lambda t: log_loss_from_logits(logits / np.exp(t) + start.shift, labels, weights),
        bounds=np.log(TEMPERATURE_LIMITS),
        method="bounded",
        options={"xatol": 1e-6},
    )
    return replace(start, temperature=float(np.exp(found.x)))


def _bent(
    start: Calibration, labels: np.ndarray, logits: np.ndarray, weights: np.ndarray | None
) -> Calibration | None:
    """The best calibration with a bend, None where there is none that rises at both ends."""
    features, offset = halves(logits), start.shift
    if start.lesions is not None and start.lesions >= FEW_LESIONS:
        features, offset = np.column_stack([features, np.ones(len(logits))]), 0.0
    try:
        found = logistic_fit(features, labels, weights, offset=offset)
    except Undefined:
        return None
    below, above = found[:2]
    low, high = TEMPERATURE_LIMITS
    if not all(1 / high < slope < 1 / low for slope in (below, above)):
        return None
    training_prior = start.training_prior
    if len(found) == 3:
        training_prior = _training_prior(start, found[2])
        if not _UNSURE < training_prior < 1 - _UNSURE:
            return None
    return replace(
        start,
        temperature=float(1 / np.sqrt(below * above)),
        bend=float(np.sqrt(below / above)),
        training_prior=training_prior,
    )


def _bend_gains(
    start: Calibration,
    labels: np.ndarray,
    logits: np.ndarray,
    weights: np.ndarray | None,
    patients: np.ndarray,
) -> bool:
    """Whether a bend lowers the log loss of patients whom it was not fitted on."""
    _, patient = np.unique(patients, return_inverse=True)
    positives = np.bincount(patient, labels)
    # Those with positive positions first, so that each fold gets its share of them.
    rank = np.argsort(np.argsort(-positives, kind="stable"), kind="stable")
    fold = rank[patient] % _FOLDS
    gain = np.zeros(len(logits))
    for number in range(min(_FOLDS, len(positives))):
        own, others = fold == number, fold != number
        if lacks_overlap(labels[others], logits[others]):
            return False
        fit = labels[others], logits[others], None if weights is None else weights[others]
        bent = _bent(start, *fit)
        if bent is None:
            return False
        straight = _straight(start, *fit).logit(logits[own])
        calibrated = bent.logit(logits[own])
        gain[own] = np.logaddexp(0, straight) - np.logaddexp(0, calibrated)
        gain[own] += labels[own] * (calibrated - straight)
    of_patient = np.bincount(patient, gain)
    return bool(of_patient.sum() > np.sqrt(len(of_patient)) * of_patient.std())


def alike_weights(labels: np.ndarray, findings: np.ndarray) -> np.ndarray:
    """Weights with which every finding counts alike and all positives as many as they are, (n,).

    Args:
        labels: 0 or 1, (n,).
        findings: behind each positive position, (n,), any ids.

    Example:
        >>> alike_weights(np.array([1, 1, 1, 0]), np.array(["a", "a", "b", ""]))
        array([0.75, 0.75, 1.5 , 1.  ])
    """
    weights, positive = np.ones(len(labels)), labels == 1
    _, finding, size = np.unique(findings[positive], return_inverse=True, return_counts=True)
    weights[positive] = positive.sum() / (max(1, len(size)) * size[finding])
    return weights


def refit(
    old: Calibration,
    labels: np.ndarray,
    logits: np.ndarray,
    *,
    lesions: int,
    patients: np.ndarray | None = None,
    findings: np.ndarray | None = None,
) -> Calibration:
    """Count the natural prior, and fit the rest as far as so many lesions allow.

    Args:
        labels: 0 or 1, (n,), at natural frequency.
        logits: as the network gives them, (n,).
        patients, findings: as in `fit_calibration`.

    Raises:
        Undefined: a class is missing.
    """
    prior = float(np.mean(labels)) if len(labels) else 0.0
    if not 0 < prior < 1:
        raise Undefined("a calibration needs positive and negative positions")
    of = {"patients": patients, "findings": findings}
    return fit_calibration(old.with_prior(prior), labels, logits, lesions=lesions, **of)


def lacks_overlap(labels: np.ndarray, logits: np.ndarray) -> bool:
    """Whether a class is missing, or the logits separate the classes."""
    positive, negative = logits[labels == 1], logits[labels == 0]
    return not (len(positive) and len(negative)) or bool(positive.min() > negative.max())


def _training_prior(start: Calibration, intercept: float) -> float:
    return float(expit(logit(start.natural_prior) - intercept))
