"""The metrics of the registry on the judged tables, each with its interval over patients."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from operator import attrgetter

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from pipeline.config import EvaluateSettings
from pipeline.evaluate.load import NORMAL, UNKNOWN, Judged, finding_ids
from pipeline.evaluate.matching import Matched, match_candidates, match_regions, told_hits
from pipeline.figures.bootstrap import Scored, Searched, mean_samples, patient_weights
from pipeline.figures.decision_curve import (
    THRESHOLDS,
    net_benefit,
    net_benefit_of_all,
    net_benefit_samples,
)
from pipeline.figures.figure import Figure, Undefined, figure_of
from pipeline.figures.froc import FP_RATES, is_reached, sensitivity_at
from pipeline.figures.ranking_bootstrap import froc_samples
from pipeline.figures.registry import METRICS, Metric, Need, probability_metrics
from pipeline.figures.reliability import log_odds_bins

# What a unit is made of, whose score is the highest of its images.
_KEYS = {
    Need.IMAGES: ["patient_id", "image_id"],
    Need.BREASTS: ["patient_id", "laterality"],
    Need.PATIENTS: ["patient_id"],
}
# The tables of what is shown with a probability of its own.
_SHOWN: dict[Need, Callable[[Judged], pd.DataFrame]] = {
    Need.ABOVE_THRESHOLD: lambda of: of.positions[of.positions["above_threshold"]],
    Need.REGIONS: lambda of: told_hits(of, of.regions),
    Need.CANDIDATES: lambda of: _as_findings(told_hits(of, of.candidates)),
}


def _as_findings(told: pd.DataFrame) -> pd.DataFrame:
    """Candidates by the probability of marking a finding, where the model has a score for it.

    It is promised to the best candidate of each finding: further ones of the same are left out, as
    they were of its fit. Without such a score the map's number at the place itself is judged, as of
    regions, whose peak is what pictures and report show.
    """
    promised = told["candidate_probability"]
    if promised.isna().all():
        return told
    best_first = told.assign(shown_logit=logit(promised.clip(lower=1e-12))).sort_values(
        "score", ascending=False, kind="stable"
    )
    again = best_first.duplicated(["image_id", "finding_id"]) & (best_first["label"] == 1)
    return best_first[~again]


@dataclass(frozen=True)
class Bootstrap:
    """The same drawn patients for every figure, so that differences are paired."""

    weights: np.ndarray  # (samples, patients)
    confidence: float

    @classmethod
    def of(cls, judged: Judged, settings: EvaluateSettings) -> "Bootstrap":
        """Draw the patients of the judged images."""
        weights = patient_weights(
            len(judged.patients), samples=settings.bootstrap, seed=settings.seed
        )
        return cls(weights, settings.confidence)

    def figure(
        self, value: Callable[[], float], samples: Callable[[], np.ndarray], *, n: int
    ) -> Figure:
        """A figure with its interval, or its reason."""

        def of_two_patients_or_more() -> np.ndarray:
            if self.weights.shape[1] < 2:
                raise Undefined("an interval needs at least two patients")
            return samples()

        return figure_of(value, of_two_patients_or_more, n=n, confidence=self.confidence)

    def judge(self, metric: Metric, cases: Scored | Searched) -> Figure:
        """A metric of some cases.

        Raises:
            ValueError: the metric has no bootstrap samples.
        """
        samples = metric.samples
        if samples is None:
            raise ValueError(f"{metric.name} has no samples, so it has no interval")
        return self.figure(
            lambda: metric.value(cases), lambda: samples(cases, self.weights), n=len(cases)
        )


def judge_metric(metric: Metric, judged: Judged, bootstrap: Bootstrap) -> Figure:
    """A metric of all that is judged, or the reason why there is none."""
    return judge_metrics([metric], judged, bootstrap)[metric.name]


def judge_metrics(
    metrics: Iterable[Metric], judged: Judged, bootstrap: Bootstrap
) -> dict[str, Figure]:
    """Metrics of ranking by name; neighbours that need the same share it, sorted once."""
    figures: dict[str, Figure] = {}
    for need, neighbours in groupby(metrics, key=attrgetter("needs")):
        alike = list(neighbours)
        try:
            positions = need is Need.POSITIONS
            cases = scored_positions(judged).falling() if positions else cases_of(judged, need)
        except Undefined as why:
            figures |= {metric.name: Figure(reason=str(why)) for metric in alike}
        else:
            figures |= {metric.name: bootstrap.judge(metric, cases) for metric in alike}
    return figures


def cases_of(judged: Judged, need: Need) -> Scored | Matched:
    """What the metrics of a need are computed from.

    Scores of positions are calibrated logits; larger units and lesions have those of candidates.

    Of what is shown as such, positions above the threshold, regions and candidates, scores are
    those of the probability as it is shown.

    Raises:
        Undefined: nothing of that kind is judged.
    """
    if need is Need.POSITIONS:
        return scored_positions(judged)
    if need is Need.LESIONS:
        return match_candidates(judged)
    if need in _SHOWN:
        return _shown(need, judged)
    return scored_units(judged, need)


def scored_units(judged: Judged, need: Need) -> Scored:
    """Images, breasts or patients that are known to be abnormal or normal, by their highest score.

    Raises:
        Undefined: there are none.
    """
    known = judged.images[judged.images["truth"] != UNKNOWN]
    if not len(known):
        raise Undefined("no image is known to be abnormal or normal")
    units = known.groupby(_KEYS[need], as_index=False)[["truth", "score"]].max()
    patient = judged.patient_index(units["patient_id"])
    return Scored(units["truth"].to_numpy(), units["score"].to_numpy(), patient)


def _shown(need: Need, judged: Judged) -> Scored:
    table = _SHOWN[need](judged)
    if not len(table):
        raise Undefined(f"there are no {need} whose truth is known")
    owner = judged.images.set_index("image_id")["patient_id"]
    patient = judged.patient_index(table["image_id"].map(owner))
    return Scored(table["label"].to_numpy(), table["shown_logit"].to_numpy(), patient)


def scored_positions(judged: Judged) -> Scored:
    """The labelled positions, at natural frequency.

    Raises:
        Undefined: there are none.
    """
    positions = judged.positions
    if not len(positions):
        raise Undefined("there are no labelled positions to judge")
    patient = judged.patient_index(positions["patient_id"])
    return Scored(positions["label"].to_numpy(), positions["logit"].to_numpy(), patient)


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


def reliability_bins(judged: Judged, bootstrap: Bootstrap) -> list[dict]:
    """What the probabilities of the positions promise and what there is, from the lowest bin up.

    Returns:
        For each bin `mean_probability`, `lowest` and `highest` as they are shown; `observed`, the
        share of positives, with `low` and `high`; `count` of positions, `positives`, and
        `lesions` and `patients` that these belong to.

    Raises:
        Undefined: there are no labelled positions.
    """
    cases, finding = scored_positions(judged), finding_ids(judged.positions)
    logits, rows = judged.positions["shown_logit"].to_numpy(), []
    shown, prior = expit(logits), judged.card.calibration.natural_prior
    bin_of = log_odds_bins(logits, prior=prior)
    for number in range(bin_of.max() + 1):
        inside = bin_of == number
        labels, patient, positive = cases.labels[inside], cases.patient[inside], cases.labels == 1
        observed = bootstrap.figure(
            partial(lambda of: float(of.mean()), labels),
            partial(mean_samples, labels, patient, bootstrap.weights),
            n=len(labels),
        )
        rows.append(
            {
                "mean_probability": float(shown[inside].mean()),
                "lowest": float(shown[inside].min()),
                "highest": float(shown[inside].max()),
                "observed": float(labels.mean()),
                "low": observed.low,
                "high": observed.high,
                "count": len(labels),
                "positives": int(labels.sum()),
                "lesions": len(np.unique(finding[inside & positive])),
                "patients": len(np.unique(cases.patient[inside & positive])),
            }
        )
    return rows


def froc_points(judged: Judged, bootstrap: Bootstrap) -> dict:
    """The points of the FROC curve: for candidates, on normal images, for the boxes of regions."""
    try:
        matched, boxes = match_candidates(judged), match_regions(judged)
    except Undefined as why:
        nothing = Figure(reason=str(why))
        return {"froc": [_point(rate, nothing, reached=False) for rate in FP_RATES]}
    return {
        "froc": _points(matched, bootstrap),
        "froc_normal_images": _normal_images(matched),
        "froc_regions_iou": {
            "mean": bootstrap.judge(METRICS["mean_froc"], boxes).as_dict(),
            "points": _points(boxes, bootstrap),
        },
    }


def decision_points(judged: Judged, bootstrap: Bootstrap) -> list[dict]:
    """Net benefit of acting on a mammogram from each threshold on; empty without a known truth."""
    try:
        images = scored_units(judged, Need.IMAGES)
    except Undefined:
        return []
    return [
        {
            "threshold": threshold,
            **bootstrap.figure(
                partial(net_benefit, images.labels, expit(images.scores), threshold),
                partial(net_benefit_samples, images, bootstrap.weights, threshold),
                n=len(images),
            ).as_dict(),
            "of_all": net_benefit_of_all(images.labels, threshold),
        }
        for threshold in THRESHOLDS
    ]


def _points(searched: Searched, bootstrap: Bootstrap) -> list[dict]:
    matches, points = searched.matches, []
    samples = froc_samples(searched, bootstrap.weights)
    for rate, at_rate in zip(FP_RATES, samples.T, strict=True):
        figure = bootstrap.figure(
            partial(sensitivity_at, matches, rate), partial(np.asarray, at_rate), n=len(searched)
        )
        points.append(_point(rate, figure, reached=is_reached(matches, rate)))
    return points


def _point(rate: float, figure: Figure, *, reached: bool) -> dict:
    shown = {"sensitivity": figure.value, "low": figure.low, "high": figure.high}
    why = {"reason": figure.reason} if figure.reason else {}
    return {"fp_per_image": rate, **shown, "reached": reached, **why}


def _normal_images(matched: Matched) -> list[dict]:
    """Sensitivity against false alarms per *normal* image; without interval."""
    normal = np.flatnonzero((matched.images["truth"] == NORMAL) & ~matched.images["outlined"])
    if not len(normal) or not len(matched):
        return []
    matches = matched.matches
    there = np.isin(matches.false_images, normal)
    alarms = replace(
        matches,
        false_scores=matches.false_scores[there],
        false_images=matches.false_images[there],
        images=len(normal),
    )
    return [
        {
            "fp_per_image": rate,
            "sensitivity": sensitivity_at(alarms, rate),
            "reached": is_reached(alarms, rate),
        }
        for rate in FP_RATES
    ]
