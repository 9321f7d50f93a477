"""What a calibration and a score of candidates are fitted on, from the tables of judged women."""

from pipeline.evaluate.load import Judged, finding_ids
from pipeline.evaluate.matching import match_candidates
from pipeline.figures.figure import Undefined
from pipeline.model.candidate_score import CandidateScore
from pipeline.model.fit import Evidence
from pipeline.model.fit_candidate_score import Search, fit_candidate_score
from pipeline.model.other_breast import other_breast


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
