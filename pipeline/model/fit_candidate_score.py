"""How the score of candidates is fitted, and what it is worth for women whom no fit had seen."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from pipeline.figures.froc import Matches
from pipeline.model.calibration import FEW_LESIONS
from pipeline.model.candidate_score import CandidateScore, Term
from pipeline.model.map_rule import MapRule
from pipeline.model.other_breast import other_breast
from pipeline.model.validation import ImageScores, MappedImage, in_breast, validation_matches

FOLDS = 8
# C of the regression on standardised features; a tenth or ten times as much changes little.
C = 1.0


@dataclass(frozen=True, eq=False)
class Search:
    """Candidates of mammograms, each by a network that had not seen the woman.

    Of a lesion its best candidate counts, and further ones in the same lesion are not there: with
    them a score learns what the inside of large lesions looks like.
    """

    matches: Matches  # by lowered logits, on one scale for all
    patient: np.ndarray  # of each mammogram, (images,)
    highest: np.ndarray  # logit of each mammogram, (images,) float64
    # that of the other breast in the same view, NaN where there is none, (images,)
    other: np.ndarray


def search_of(maps: Sequence[MappedImage], scores: Sequence[ImageScores], rule: MapRule) -> Search:
    """The candidates of validation maps that are brought to one level.

    Args:
        scores: of each map.

    Raises:
        Undefined: no image is fully outlined.
    """
    images = [mapped.image for mapped in maps]
    matches, order = validation_matches(images, scores)
    of_images = pd.DataFrame(
        [(image.patient_id, image.laterality, image.view) for image in images],
        columns=["patient_id", "laterality", "view"],
    )
    # A breast of a few cells may lie between the positions.
    searched = [in_breast(mapped, rule) for mapped in maps]
    tops = [s if np.isfinite(s).any() else m.logit for s, m in zip(searched, maps, strict=True)]
    highest = np.array([np.nanmax(top) for top in tops], np.float64)
    other = other_breast(of_images, highest)
    patient = of_images["patient_id"].to_numpy()
    return Search(matches, patient[order], highest[order], other[order])


@dataclass(frozen=True, eq=False)
class FittedScore:
    """A score, and what it is worth."""

    score: CandidateScore
    nested: Matches  # the matches of the fit, each scored by a fit that left its woman out


def fit_candidate_score(search: Search) -> FittedScore | None:
    """Fit a score to all candidates, and once more for each part of the women without them.

    The parts go by the order of the patient ids and know no labels, so no woman's own labels move
    her own nested score.

    Returns:
        None where fewer than FEW_LESIONS lesions hold a candidate, or a higher logit is no better
        sign: then a candidate's score is its lowered logit.
    """
    matches = search.matches
    if np.isfinite(matches.lesion_scores).sum() < FEW_LESIONS:
        return None
    part = np.unique(search.patient, return_inverse=True)[1] % FOLDS
    lesions, alarms = matches.lesion_scores.copy(), matches.false_scores.copy()
    for left_out in range(FOLDS):
        score = _fit(search, part != left_out)
        if score is None:
            return None
        for values, images in ((lesions, matches.lesion_images), (alarms, matches.false_images)):
            own = (part[images] == left_out) & np.isfinite(values)
            highest, other = search.highest[images[own]], search.other[images[own]]
            values[own] = score.log_odds(values[own], highest=highest, other=other)
    score = _fit(search, np.ones(len(part), bool))
    nested = replace(matches, lesion_scores=lesions, false_scores=alarms)
    return FittedScore(score, nested) if score else None


def _fit(search: Search, chosen: np.ndarray) -> CandidateScore | None:
    """The score of the candidates of the chosen mammograms, (images,) bool."""
    matches = search.matches
    found = np.isfinite(matches.lesion_scores) & chosen[matches.lesion_images]
    false = chosen[matches.false_images]
    images = np.concatenate([matches.lesion_images[found], matches.false_images[false]])
    lowered = np.concatenate([matches.lesion_scores[found], matches.false_scores[false]])
    labels = np.arange(len(images)) < found.sum()
    if not labels.any() or labels.all():
        return None
    features = np.stack([lowered, search.highest[images], search.other[images]], axis=1)
    known = ~np.isnan(features)
    means = np.sum(features, axis=0, where=known) / np.maximum(known.sum(axis=0), 1)
    scaler = StandardScaler()
    standard = scaler.fit_transform(np.where(known, features, means))
    fitted = LogisticRegression(C=C).fit(standard, labels)
    weights = fitted.coef_[0] / scaler.scale_
    if weights[0] <= 0:
        return None
    terms = [Term(float(w), float(m)) for w, m in zip(weights, means, strict=True)]
    return CandidateScore(
        intercept=float(fitted.intercept_[0]),
        lowered=terms[0],
        highest=terms[1],
        other=terms[2],
        lesions=int(found.sum()),
        women=len(np.unique(search.patient[images])),
    )
