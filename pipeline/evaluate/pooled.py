"""The folds of a cross-validation judged as one: every patient was tested once."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd

from pipeline.evaluate.load import Judged, finding_ids
from pipeline.evaluate.refit import before_calibration, fitted_score, with_card
from pipeline.model.fit_calibration import fit_calibration
from pipeline.run.errors import UserError


def pool(folds: Sequence[Judged]) -> Judged:
    """All test patients of all folds, in the order of the folds.

    The probabilities are those of each fold's own model; the label rule must be one.

    Raises:
        UserError: a patient is tested in two folds, or the folds have different label rules.
    """
    first = folds[0]
    patients = [patient for fold in folds for patient in fold.patients]
    twice = sorted({patient for patient in patients if patients.count(patient) > 1})
    if twice:
        raise UserError(
            f"The folds test patient {twice[0]} more than once: they are of several splits. "
            "Make all anew: make crossval in another RUN."
        )
    if any(fold.card.labels != first.card.labels for fold in folds):
        raise UserError("The folds have different label rules (labels.*): run them anew.")

    def joined(name: str) -> pd.DataFrame:
        return pd.concat([getattr(fold, name) for fold in folds], ignore_index=True)

    return replace(
        first,
        images=joined("images"),
        positions=joined("positions"),
        candidates=joined("candidates"),
        regions=joined("regions"),
        outlines={image: found for fold in folds for image, found in fold.outlines.items()},
        patients=patients,
    )


def recalibrated(folds: Sequence[Judged]) -> list[Judged]:
    """Each fold with the calibration and the score of candidates that the *other* folds ask for.

    A fold's own validation patients may hold too few lesions for them. The test patients of the
    others are many, and no woman's own label moves her own probability. The natural prior stays
    the counted one of the fold, and a score that its training fitted stays, too.
    """
    moved = []
    for fold in folds:
        others = pool([other for other in folds if other is not fold])
        calibration = fit_calibration(
            fold.card.calibration,
            others.positions["label"].to_numpy(),
            others.positions["trained_logit"].to_numpy(),
            lesions=others.lesions,
            patients=others.positions["patient_id"].to_numpy(),
            findings=finding_ids(others.positions),
        )
        score = fold.card.candidate_score
        if score is None:
            score = fitted_score(pool([before_calibration(o) for o in folds if o is not fold]))
        card = fold.card.model_copy(update={"calibration": calibration, "candidate_score": score})
        moved.append(with_card(fold, card))
    return moved


def pooled_scores(
    folds: Sequence[dict[str, Callable[[], np.ndarray]]],
) -> dict[str, Callable[[], np.ndarray]]:
    """Baselines of all folds, each fitted on its own training patients, in pooled order."""

    def joined(name: str) -> np.ndarray:
        return np.concatenate([fold[name]() for fold in folds])

    return {name: partial(joined, name) for name in folds[0]}
