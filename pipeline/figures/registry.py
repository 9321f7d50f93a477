"""The registry of metrics: what each is called, what it counts and needs, how it is computed.

Evaluation, comparison, cross-validation, report, README and MLflow loop over METRICS and name no
metric of their own accord. A new metric is one more entry here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from functools import partial
from typing import Any

import numpy as np
from scipy.special import expit

from pipeline.figures import bootstrap, froc, ranking, ranking_bootstrap, reliability, wafroc


class Need(StrEnum):
    """The unit that a metric counts, and so what must be known."""

    POSITIONS = "positions"  # their labels, so the outlines
    IMAGES = "images"  # which are abnormal and which normal
    BREASTS = "breasts"  # the same
    PATIENTS = "patients"  # the same
    LESIONS = "lesions"  # the outlines, and the candidates of the maps
    ABOVE_THRESHOLD = "positions above the region threshold"  # their labels
    REGIONS = "regions"  # the outlines
    CANDIDATES = "candidates"  # the outlines


class Place(IntEnum):
    """Where a metric is shown: there and in all wider places."""

    SUMMARY = 0  # README, terminal, the table of folds, the parent run of MLflow
    STUDY = 1  # comparisons of runs, heads and calibrations
    REPORT = 2  # metrics.json, report and model card


@dataclass(frozen=True)
class Metric:
    """A number that says how good a model is."""

    name: str  # its key in metrics.json
    title: str  # what it is called where nothing else is said, such as a row of the README
    heading: str  # what it is called in the report and the model card
    needs: Need  # what it is computed from; `n` of its figure counts these
    # of the cases of that need, `Scored` or `Searched`; may raise Undefined
    value: Callable[[Any], float]
    # of the cases and bootstrap weights (samples, patients): the value in each sample, (samples,),
    # NaN where undefined. Without it there is no interval.
    samples: Callable[[Any, np.ndarray], np.ndarray] | None = None
    place: Place = Place.SUMMARY  # where it is shown
    higher_is_better: bool | None = True  # None where neither is: a slope should be 1
    # it judges the probabilities of all positions and not their order, so it stands under
    # `calibration`, before and after the calibration
    of_probabilities: bool = False
    with_interval: bool = True  # metrics.json has its interval; otherwise the number alone


def ranking_metrics(*, within: Place = Place.REPORT) -> list[Metric]:
    """The metrics of ranking and search, and of what is shown with a probability of its own.

    Those of them that are shown in a place, in the order of METRICS.
    """
    return [m for m in METRICS.values() if not m.of_probabilities and m.place <= within]


def probability_metrics(*, within: Place = Place.REPORT) -> list[Metric]:
    """The metrics of calibration that are shown in a place."""
    return [m for m in METRICS.values() if m.of_probabilities and m.place <= within]


# What people look at first; headline metrics, too.
FIRST_FIGURES = ("patch_auc", "mean_froc", "image_auc", "observed_over_expected")


def headline_metrics() -> list[Metric]:
    """Those that are shown everywhere, each with an interval."""
    return [m for m in METRICS.values() if m.place is Place.SUMMARY and m.samples]


def headline_figures(content: Mapping) -> dict[str, Mapping]:
    """Those of a metrics.json or crossval.json that are there, by name: value, low, high."""
    probabilities = (content.get("calibration") or {}).get("after") or {}
    known = {**probabilities, **content}
    return {m.name: known[m.name] for m in headline_metrics() if m.name in known}


def first_figures(content: Mapping) -> list[tuple[str, Mapping]]:
    """(title, figure) of FIRST_FIGURES, as far as they are there."""
    known = headline_figures(content)
    return [(METRICS[name].title, known[name]) for name in FIRST_FIGURES if name in known]


def compared_metrics() -> list[Metric]:
    """Those by which one model is better than another: with a direction and with samples."""
    return [
        m
        for m in METRICS.values()
        if m.place <= Place.STUDY and m.samples and m.higher_is_better is not None
    ]


_Auc = partial(
    Metric,
    value=lambda of: ranking.roc_auc(of.labels, of.scores),
    samples=ranking_bootstrap.auc_samples,
)
_Loss = partial(
    Metric,
    needs=Need.POSITIONS,
    place=Place.STUDY,
    higher_is_better=False,
    of_probabilities=True,
    with_interval=False,
)
_Promise = partial(
    Metric,
    value=lambda of: reliability.observed_over_expected(expit(of.scores), of.labels),
    samples=bootstrap.observed_over_expected_samples,
    higher_is_better=None,
)
_Recalibration = partial(Metric, needs=Need.POSITIONS, higher_is_better=None, of_probabilities=True)


def _highest_auc(unit: str, units: str, needs: Need, place: Place) -> Metric:
    heading = f"{units}: ROC AUC of the best candidate's score"
    return _Auc(f"{unit}_auc", f"{unit} AUC", heading, needs, place=place)


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        _Auc("patch_auc", "patch AUC", "Positions: ROC AUC", Need.POSITIONS),
        Metric(
            "patch_partial_auc",
            "patch partial AUC",
            "Positions: ROC AUC at few false alarms (McClish; 0.5 is chance)",
            Need.POSITIONS,
            value=lambda of: ranking.partial_auc(of.labels, of.scores),
            samples=ranking_bootstrap.partial_auc_samples,
            place=Place.STUDY,
        ),
        Metric(
            "patch_ap",
            "patch average precision",
            "Positions: average precision",
            Need.POSITIONS,
            value=lambda of: ranking.average_precision(of.labels, of.scores),
            samples=ranking_bootstrap.average_precision_samples,
        ),
        _Loss(
            "log_loss",
            "log loss",
            "log loss",
            value=lambda of: reliability.log_loss_from_logits(of.scores, of.labels),
            samples=bootstrap.log_loss_samples,
        ),
        _Loss(
            "brier",
            "Brier score",
            "Brier score",
            value=lambda of: reliability.brier(expit(of.scores), of.labels),
        ),
        _Loss(
            "ece",
            "ECE",
            "expected calibration error",
            value=lambda of: reliability.ece(expit(of.scores), of.labels),
        ),
        _Recalibration(
            "intercept",
            "calibration intercept",
            "intercept (ideal 0)",
            value=lambda of: of.recalibration[1],
            place=Place.REPORT,
            with_interval=False,
        ),
        _Recalibration(
            "slope",
            "calibration slope",
            "slope (ideal 1)",
            value=lambda of: of.recalibration[0],
            samples=bootstrap.slope_samples,
        ),
        _Recalibration(
            "observed_over_expected",
            "observed / expected",
            "observed / expected (ideal 1)",
            value=lambda of: reliability.observed_over_expected(
                expit(of.scores), of.labels, of.weights
            ),
            samples=bootstrap.observed_over_expected_samples,
        ),
        _highest_auc("image", "Mammograms", Need.IMAGES, Place.SUMMARY),
        _highest_auc("breast", "Breasts", Need.BREASTS, Place.REPORT),
        _highest_auc("patient", "Patients", Need.PATIENTS, Place.REPORT),
        Metric(
            "mean_froc",
            "mean FROC sensitivity",
            "Findings: mean FROC sensitivity (1/4 to 8 false alarms per mammogram)",
            Need.LESIONS,
            value=lambda of: froc.mean_sensitivity(of.matches),
            samples=lambda of, weights: ranking_bootstrap.froc_samples(of, weights).mean(axis=1),
        ),
        Metric(
            "wafroc",
            "wAFROC",
            "Findings: wAFROC figure of merit (those of a mammogram weigh alike)",
            Need.LESIONS,
            value=wafroc.wafroc,
            samples=wafroc.wafroc_samples,
            place=Place.REPORT,
        ),
        Metric(
            "lesions_with_candidate",
            "lesions with a candidate",
            "Findings: share that holds a candidate",
            Need.LESIONS,
            value=lambda of: froc.share_with_candidate(of.matches),
            samples=bootstrap.share_with_candidate_samples,
        ),
        Metric(
            "median_candidate_rank",
            "median rank of a finding",
            "Findings: median rank of their best candidate in its mammogram",
            Need.LESIONS,
            value=lambda of: froc.median_rank(of.matches),
            samples=ranking_bootstrap.median_rank_samples,
            place=Place.REPORT,
            higher_is_better=False,
        ),
        _Promise(
            "observed_over_expected_above_threshold",
            "observed / expected above the region threshold",
            "Positions above the region threshold: observed / expected (ideal 1)",
            Need.ABOVE_THRESHOLD,
        ),
        _Promise(
            "observed_over_expected_of_regions",
            "observed / expected of regions",
            "Regions: peaks in a finding / as many as promised (ideal 1)",
            Need.REGIONS,
        ),
        _Promise(
            "observed_over_expected_of_candidates",
            "observed / expected of candidates",
            "Candidates: points in a finding / as many as promised (ideal 1)",
            Need.CANDIDATES,
        ),
    )
}


@dataclass(frozen=True)
class Baseline:
    """What the patch AUC of the network is held against; `sees` says from what it is computed."""

    title: str
    sees: str


BASELINES = {
    "position": Baseline("position alone", "the place in the breast alone"),
    "mean_contrast": Baseline("mean and contrast", "local mean and contrast alone"),
}
