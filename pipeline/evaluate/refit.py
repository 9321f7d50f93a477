"""Judged women with the calibration and score of another card, and as what these are fitted on."""

from dataclasses import replace

import pandas as pd
from scipy.special import expit

from pipeline.evaluate.load import Judged, calibrated, finding_ids
from pipeline.evaluate.matching import match_candidates
from pipeline.figures.figure import Undefined
from pipeline.model.calibration import Calibration
from pipeline.model.candidate_score import CandidateScore
from pipeline.model.card import ModelCard
from pipeline.model.fit import Evidence
from pipeline.model.fit_candidate_score import Search, fit_candidate_score
from pipeline.model.other_breast import other_breast


def with_card(judged: Judged, card: ModelCard) -> Judged:
    """The same maps with the probabilities of another calibration, and the scores of that card."""
    images, calibration = judged.images, card.calibration
    highest = images["trained_logit"].to_numpy()
    known = images.assign(other=other_breast(images, highest)).set_index("image_id")

    def scored(table: pd.DataFrame, lowered: str) -> pd.DataFrame:
        of = known.loc[table["image_id"]]
        features = {"highest": of["trained_logit"].to_numpy(), "other": of["other"].to_numpy()}
        score = card.score(table[lowered].to_numpy(), **features)
        return calibrated(table, calibration).assign(**score)

    regions = scored(judged.regions, "lowered_logit")
    return replace(
        judged,
        images=scored(images, "trained_logit"),
        positions=calibrated(judged.positions, calibration),
        candidates=scored(judged.candidates, "lowered_logit"),
        regions=regions.assign(peak_probability=expit(regions["shown_logit"])),
        card=card,
    )


def before_calibration(judged: Judged, *, temperature: float = 1.0) -> Judged:
    """The same with the network's logits over a temperature in place of calibrated ones.

    Scores are the lowered ones of these.
    """
    bare = Calibration(0.5, 0.5, temperature)
    changed = {"calibration": bare, "candidate_score": None}
    return with_card(judged, judged.card.model_copy(update=changed))


def evidence_of(judged: Judged) -> Evidence:
    """Labelled positions and false alarms by their logits and scores, whatever these are.

    Raises:
        Undefined: there is no mammogram with a known truth.
    """
    matches = match_candidates(judged).matches
    return Evidence(
        labels=judged.positions["label"].to_numpy(),
        logits=judged.positions["logit"].to_numpy(),
        patients=judged.patient_index(judged.positions["patient_id"]),
        findings=finding_ids(judged.positions),
        false_alarms=[
            matches.false_scores[matches.false_images == i] for i in range(matches.images)
        ],
        women=len(judged.patients),
        mammograms=len(judged.images),
        lesions=judged.lesions,
    )


def fitted_score(judged: Judged) -> CandidateScore | None:
    """The score of candidates fitted on women whom no network behind their maps had seen.

    Args:
        judged: its scores are lowered logits, see `before_calibration`.
    """
    try:
        matched = match_candidates(judged)
    except Undefined:
        return None
    images = judged.images
    other = dict(zip(images["image_id"], other_breast(images, images["score"]), strict=True))
    searched = matched.images
    fitted = fit_candidate_score(
        Search(
            matched.matches,
            patient=searched["patient_id"].to_numpy(),
            highest=searched["score"].to_numpy(float),
            other=searched["image_id"].map(other).to_numpy(float),
        )
    )
    return fitted.score if fitted else None
