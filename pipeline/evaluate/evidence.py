"""What a calibration is fitted on, from the tables of judged women."""

from pipeline.evaluate.load import Judged, finding_ids
from pipeline.evaluate.matching import match_candidates
from pipeline.evaluate.pooled import with_calibration
from pipeline.model.calibration import Calibration
from pipeline.model.fit import Evidence


def evidence_of(judged: Judged) -> Evidence:
    """Labelled positions and false alarms by their logits, whatever these are.

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


def before_calibration(judged: Judged, *, temperature: float = 1.0) -> Judged:
    """The same with the network's logits over a temperature in place of calibrated ones."""
    return with_calibration(judged, Calibration(0.5, 0.5, temperature))
