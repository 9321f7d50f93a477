"""The headline figures: patches, images, breasts, patients, lesions, each with its interval."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.config import EvaluateSettings
from pipeline.evaluate.lesions import Matched, match_candidates, match_regions
from pipeline.evaluate.load import NORMAL, UNKNOWN, Judged
from pipeline.figures.bootstrap import patient_index, patient_weights, percentile_interval
from pipeline.figures.figure import Figure, figure_of, undefined_figure
from pipeline.figures.froc import (
    FP_RATES,
    Matches,
    is_reached,
    mean_sensitivity,
    sensitivity_at,
)
from pipeline.figures.ranking import average_precision, partial_auc, roc_auc
from pipeline.figures.resampled import (
    auc_samples,
    average_precision_samples,
    froc_samples,
    partial_auc_samples,
)
from pipeline.figures.undefined import Undefined

# What `n` counts.
UNITS = {
    "patch_auc": "positions",
    "patch_partial_auc": "positions",
    "patch_ap": "positions",
    "image_auc": "images",
    "breast_auc": "breasts",
    "patient_auc": "patients",
    "mean_froc": "lesions",
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

    def figure(self, value: Callable, samples: Callable, *, n: int) -> Figure:
        """A figure with its interval, or its reason."""

        def of_two_patients_or_more() -> np.ndarray:
            if self.weights.shape[1] < 2:
                raise Undefined("an interval needs at least two patients")
            return samples()

        return figure_of(value, of_two_patients_or_more, n=n, confidence=self.confidence)


def patch_figures(judged: Judged, scores: np.ndarray, bootstrap: Bootstrap) -> dict[str, Figure]:
    """Patch AUC, its part at low false positive rates, and average precision.

    All at natural frequency.

    Args:
        scores: score of each judged position, (n,); the network's logits or a baseline's.
    """
    if not len(judged.positions):
        nothing = undefined_figure("there are no labelled positions to judge")
        return dict.fromkeys(("patch_auc", "patch_partial_auc", "patch_ap"), nothing)
    labels = judged.positions["label"].to_numpy()
    patient = judged.positions["patient"].to_numpy()
    return {
        "patch_auc": bootstrap.figure(
            lambda: roc_auc(labels, scores),
            lambda: auc_samples(labels, scores, patient, bootstrap.weights),
            n=len(labels),
        ),
        "patch_partial_auc": bootstrap.figure(
            lambda: partial_auc(labels, scores),
            lambda: partial_auc_samples(labels, scores, patient, bootstrap.weights),
            n=len(labels),
        ),
        "patch_ap": bootstrap.figure(
            lambda: average_precision(labels, scores),
            lambda: average_precision_samples(labels, scores, patient, bootstrap.weights),
            n=len(labels),
        ),
    }


def gain_over(judged: Judged, scores: np.ndarray, bootstrap: Bootstrap) -> Figure:
    """Patch AUC of the network minus that of a baseline, on the same drawn patients."""
    labels = judged.positions["label"].to_numpy()
    patient = judged.positions["patient"].to_numpy()
    logits = judged.positions["logit"].to_numpy()
    return bootstrap.figure(
        lambda: roc_auc(labels, logits) - roc_auc(labels, scores),
        lambda: (
            auc_samples(labels, logits, patient, bootstrap.weights)
            - auc_samples(labels, scores, patient, bootstrap.weights)
        ),
        n=len(labels),
    )


def image_figures(judged: Judged, bootstrap: Bootstrap) -> dict[str, Figure]:
    """AUC of the maximum over an image, a breast and a patient: abnormal against normal."""
    known = judged.images[judged.images["truth"] != UNKNOWN]
    units = {
        "image_auc": ["patient_id", "image_id"],
        "breast_auc": ["patient_id", "laterality"],
        "patient_auc": ["patient_id"],
    }
    return {name: _auc_of_maximum(known, keys, judged, bootstrap) for name, keys in units.items()}


def image_auc(judged: Judged, images: pd.DataFrame, bootstrap: Bootstrap) -> Figure:
    """AUC of the maximum over an image within some of the judged images.

    Args:
        images: rows of `judged.images`.
    """
    known = images[images["truth"] != UNKNOWN]
    return _auc_of_maximum(known, ["patient_id", "image_id"], judged, bootstrap)


def _auc_of_maximum(
    images: pd.DataFrame, keys: list[str], judged: Judged, bootstrap: Bootstrap
) -> Figure:
    if not len(images):
        return undefined_figure("no image is known to be abnormal or normal")
    units = images.groupby(keys, as_index=False)[["truth", "logit"]].max()
    patient = patient_index(units["patient_id"], patients=judged.patients)
    truth, logit = units["truth"].to_numpy(), units["logit"].to_numpy()
    return bootstrap.figure(
        lambda: roc_auc(truth, logit),
        lambda: auc_samples(truth, logit, patient, bootstrap.weights),
        n=len(units),
    )


def froc_figures(judged: Judged, bootstrap: Bootstrap) -> dict:
    """Mean FROC sensitivity and its points, for points in lesions, on normal images, for boxes."""
    try:
        matched = match_candidates(judged)
        mean, points = _froc(matched, judged, bootstrap)
        boxes_mean, boxes = _froc(match_regions(judged), judged, bootstrap)
    except Undefined as why:
        nothing = undefined_figure(str(why))
        return {
            "mean_froc": nothing.as_dict(),
            "froc": [_point(rate, nothing, reached=False) for rate in FP_RATES],
        }
    return {
        "mean_froc": mean.as_dict(),
        "froc": points,
        "froc_normal_images": _normal_images(matched),
        "froc_regions_iou": {"mean": boxes_mean.as_dict(), "points": boxes},
    }


def _froc(matched: Matched, judged: Judged, bootstrap: Bootstrap) -> tuple[Figure, list[dict]]:
    matches = matched.matches
    n = len(matches.lesion_scores)
    patient = patient_index(matched.images["patient_id"], patients=judged.patients)
    samples = froc_samples(matches, patient, bootstrap.weights)
    mean = bootstrap.figure(lambda: mean_sensitivity(matches), lambda: samples.mean(axis=1), n=n)
    points = []
    for rate, at_rate in zip(FP_RATES, samples.T, strict=True):
        figure = bootstrap.figure(
            lambda rate=rate: sensitivity_at(matches, rate), lambda at=at_rate: at, n=n
        )
        points.append(_point(rate, figure, reached=is_reached(matches, rate)))
    return mean, points


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


def froc_band(
    matched: Matched, judged: Judged, bootstrap: Bootstrap, rates: np.ndarray
) -> np.ndarray:
    """Interval of the sensitivity at many rates, for drawing, (rates, 2).

    Raises:
        Undefined: most bootstrap samples have no lesion.
    """
    patient = patient_index(matched.images["patient_id"], patients=judged.patients)
    samples = froc_samples(matched.matches, patient, bootstrap.weights, rates=rates)
    return np.array([percentile_interval(at, confidence=bootstrap.confidence) for at in samples.T])
