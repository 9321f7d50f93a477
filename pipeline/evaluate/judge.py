"""The metrics of the registry on the judged tables, each with its interval over patients."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from pipeline.config import EvaluateSettings
from pipeline.evaluate.load import NORMAL, UNKNOWN, Judged
from pipeline.evaluate.matching import Matched, match_candidates, match_regions
from pipeline.figures.bootstrap import patient_index, patient_weights, percentile_interval
from pipeline.figures.cases import Need, Scored, Searched
from pipeline.figures.figure import Figure, figure_of, undefined_figure
from pipeline.figures.froc import FP_RATES, Matches, is_reached, sensitivity_at
from pipeline.figures.registry import METRICS, Metric
from pipeline.figures.resampled import froc_samples
from pipeline.figures.undefined import Undefined

# What a unit is made of, whose score is the highest of its images.
_KEYS = {
    Need.IMAGES: ["patient_id", "image_id"],
    Need.BREASTS: ["patient_id", "laterality"],
    Need.PATIENTS: ["patient_id"],
}


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
    try:
        cases = cases_of(judged, metric.needs)
    except Undefined as why:
        return undefined_figure(str(why))
    return bootstrap.judge(metric, cases)


def cases_of(
    judged: Judged, need: Need, *, patients: Sequence[str] | None = None
) -> Scored | Searched:
    """What the metrics of a need are computed from; scores are calibrated logits.

    Args:
        patients: ids in the order that the patients' indices refer to; `judged.patients` if absent.

    Raises:
        Undefined: nothing of that kind is judged.
    """
    order = judged.patients if patients is None else patients
    if need is Need.POSITIONS:
        return scored_positions(judged, patients=order)
    if need is Need.LESIONS:
        return searched_images(match_candidates(judged), patients=order)
    known = judged.images[judged.images["truth"] != UNKNOWN]
    if not len(known):
        raise Undefined("no image is known to be abnormal or normal")
    units = known.groupby(_KEYS[need], as_index=False)[["truth", "logit"]].max()
    return Scored(
        labels=units["truth"].to_numpy(),
        scores=units["logit"].to_numpy(),
        patient=patient_index(units["patient_id"], patients=order),
    )


def searched_images(matched: Matched, *, patients: Sequence[str]) -> Searched:
    """Lesions and candidates with the patient of each image, an index into `patients`."""
    return Searched(matched.matches, patient_index(matched.images["patient_id"], patients=patients))


def scored_positions(judged: Judged, *, patients: Sequence[str] | None = None) -> Scored:
    """The labelled positions, at natural frequency.

    Args, Raises: as in `cases_of`.
    """
    positions = judged.positions
    if not len(positions):
        raise Undefined("there are no labelled positions to judge")
    patient = positions["patient"].to_numpy()
    if patients is not None:
        patient = patient_index(judged.patients, patients=patients)[patient]
    return Scored(positions["label"].to_numpy(), positions["logit"].to_numpy(), patient)


def lead_over(scores: np.ndarray, metric: Metric, cases: Scored, bootstrap: Bootstrap) -> Figure:
    """A metric of the network minus that of other scores (n,), on the same drawn patients."""
    samples, others = metric.samples, cases.scored_by(scores)
    assert samples is not None
    return bootstrap.figure(
        lambda: metric.value(cases) - metric.value(others),
        lambda: samples(cases, bootstrap.weights) - samples(others, bootstrap.weights),
        n=len(cases),
    )


def froc_points(judged: Judged, bootstrap: Bootstrap) -> dict:
    """The points of the FROC curve: for candidates, on normal images, for the boxes of regions."""
    try:
        matched = match_candidates(judged)
        points = _points(searched_images(matched, patients=judged.patients), bootstrap)
        boxes = searched_images(match_regions(judged), patients=judged.patients)
    except Undefined as why:
        nothing = undefined_figure(str(why))
        return {"froc": [_point(rate, nothing, reached=False) for rate in FP_RATES]}
    return {
        "froc": points,
        "froc_normal_images": _normal_images(matched),
        "froc_regions_iou": {
            "mean": bootstrap.judge(METRICS["mean_froc"], boxes).as_dict(),
            "points": _points(boxes, bootstrap),
        },
    }


def _points(searched: Searched, bootstrap: Bootstrap) -> list[dict]:
    matches = searched.matches
    samples = froc_samples(matches, searched.patient_of_image, bootstrap.weights)
    points = []
    for rate, at_rate in zip(FP_RATES, samples.T, strict=True):
        figure = bootstrap.figure(
            partial(sensitivity_at, matches, rate), partial(np.asarray, at_rate), n=len(searched)
        )
        points.append(_point(rate, figure, reached=is_reached(matches, rate)))
    return points


def _point(rate: float, figure: Figure, *, reached: bool) -> dict:
    point = {
        "fp_per_image": rate,
        "sensitivity": figure.value,
        "low": figure.low,
        "high": figure.high,
        "reached": reached,
    }
    return point | ({"reason": figure.reason} if figure.reason else {})


def _normal_images(matched: Matched) -> list[dict]:
    """Sensitivity against false alarms per *normal* image; without interval."""
    normal = np.flatnonzero((matched.images["truth"] == NORMAL) & ~matched.images["outlined"])
    matches = matched.matches
    there = np.isin(matches.false_images, normal)
    if not len(normal) or not len(matches.lesion_scores):
        return []
    alarms = Matches(
        lesion_scores=matches.lesion_scores,
        lesion_images=matches.lesion_images,
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


def froc_band(searched: Searched, bootstrap: Bootstrap, rates: np.ndarray) -> np.ndarray:
    """Interval of the sensitivity at many rates, for drawing, (rates, 2).

    Raises:
        Undefined: most bootstrap samples have no lesion.
    """
    samples = froc_samples(
        searched.matches, searched.patient_of_image, bootstrap.weights, rates=rates.tolist()
    )
    return np.array([percentile_interval(at, confidence=bootstrap.confidence) for at in samples.T])
