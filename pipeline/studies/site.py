"""The labelled patients of a site that a finished model is calibrated on, and cross-fitting."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from pipeline.annotations.labels import POSITIVE
from pipeline.config import SplitSettings
from pipeline.evaluate.load import Judged, finding_ids, has_known_truth
from pipeline.evaluate.refit import before_calibration, evidence_of
from pipeline.model.calibration import Calibration
from pipeline.model.fit import Evidence
from pipeline.model.fit_calibration import refit
from pipeline.preprocess.split import TEST, split_patients

FOLDS = 5


@dataclass(frozen=True)
class Site:
    """What a calibration is fitted on: fully outlined mammograms, at natural frequency."""

    judged: Judged  # these mammograms, their positions and candidates
    left_out: int  # patients that the model was trained on
    not_outlined: int  # mammograms without a fully known truth

    @property
    def labels(self) -> np.ndarray:
        return self.judged.positions["label"].to_numpy()

    @property
    def logits(self) -> np.ndarray:
        """As the network gives them, (n,)."""
        return self.judged.positions["trained_logit"].to_numpy()

    def evidence(self) -> Evidence:
        """What the calibration and the threshold are fitted on.

        Raises:
            Undefined: there is no mammogram.
        """
        return evidence_of(before_calibration(self.judged))

    def refit(self, old: Calibration, chosen: np.ndarray | slice = np.s_[:]) -> Calibration:
        """The calibration of the chosen positions; with few lesions in all, of less.

        Raises:
            Undefined: a class is missing.
        """
        positions = self.judged.positions
        return refit(
            old,
            self.labels[chosen],
            self.logits[chosen],
            lesions=self.judged.lesions,
            patients=positions["patient_id"].to_numpy()[chosen],
            findings=finding_ids(positions)[chosen],
        )


def site_of(judged: Judged, *, met: pd.Series) -> Site:
    """Leave out what a calibration must not see.

    Args:
        judged: all mammograms of a run.
        met: bool for each of them, of a woman that the model was trained on; she is left out,
            because a network is too certain about what it has seen.
    """
    images = judged.images
    known = has_known_truth(images)
    chosen = images[~met & known]
    return Site(
        judged=replace(judged.only(chosen), patients=sorted(chosen["patient_id"].unique())),
        left_out=int(images.loc[met, "patient_id"].nunique()),
        not_outlined=int((~known & ~met).sum()),
    )


def cross_fitted(site: Site, old: Calibration) -> np.ndarray:
    """Shown logits, each by the calibration of the other folds' patients, (n,).

    So no patient's own labels move her own probabilities. The folds are of whole patients, those
    with lesions spread evenly.

    Raises:
        Undefined: without one of the folds a class is missing.
    """
    positions = site.judged.positions
    with_lesion = positions.loc[positions["label"] == POSITIVE, ["image_id"]]
    calibrated = np.zeros(len(positions))
    for fold in range(1, FOLDS + 1):
        settings = SplitSettings(folds=FOLDS, fold=fold, validation=0.0)
        split = split_patients(site.judged.images, with_lesion, settings).of
        own = (positions["patient_id"].map(split) == TEST).to_numpy()
        if own.any():
            calibrated[own] = site.refit(old, ~own).shown_logit(site.logits[own])
    return calibrated
