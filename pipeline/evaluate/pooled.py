"""The folds of a cross-validation judged as one: every patient was tested once."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
from scipy.special import expit

from pipeline.evaluate.load import Judged, calibrated, finding_ids
from pipeline.model.calibration import Calibration, fit_calibration
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
        raise UserError(f"The folds test patient {twice[0]} more than once: they are no folds.")
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
    """Each fold with the temperature and training prior that the *other* folds ask for.

    A fold's own validation patients may hold too few lesions for them. The test patients of the
    others are many, and no woman's own label moves her own probability. The natural prior stays
    the counted one of the fold.
    """
    moved = []
    for fold in folds:
        others = [other for other in folds if other is not fold]
        positions = pd.concat([other.positions for other in others], ignore_index=True)
        calibration = fit_calibration(
            fold.card.calibration,
            positions["label"].to_numpy(),
            positions["trained_logit"].to_numpy(),
            lesions=sum(other.lesions for other in others),
            patients=positions["patient_id"].to_numpy(),
            findings=finding_ids(positions),
        )
        moved.append(with_calibration(fold, calibration))
    return moved


def pooled_scores(
    folds: Sequence[dict[str, Callable[[], np.ndarray]]],
) -> dict[str, Callable[[], np.ndarray]]:
    """Baselines of all folds, each fitted on its own training patients, in pooled order."""

    def joined(name: str) -> np.ndarray:
        return np.concatenate([fold[name]() for fold in folds])

    return {name: partial(joined, name) for name in folds[0]}


def with_calibration(fold: Judged, calibration: Calibration) -> Judged:
    """The same maps with the probabilities of another calibration."""
    regions = calibrated(fold.regions, calibration)
    return replace(
        fold,
        regions=regions.assign(peak_probability=expit(regions["shown_logit"])),
        images=calibrated(fold.images, calibration),
        positions=calibrated(fold.positions, calibration),
        candidates=calibrated(fold.candidates, calibration),
        card=fold.card.model_copy(update={"calibration": calibration}),
    )
