"""Whether a model meets the very patients that its calibration was fitted on."""

import pandas as pd

from pipeline.heatmap.model import ModelCard

HASH_LETTERS = 16  # of a SHA-256; 64 bits do not meet by chance


def pixel_hashes(mammograms: pd.DataFrame) -> list[str]:
    """What model.json keeps of the mammograms of a calibration, sorted.

    Hashes of pixels, because those of ids can be undone by trying all ids.

    Args:
        mammograms: rows of mammograms.csv.
    """
    return sorted(set(_hashes(mammograms)))


def calibration_patients(card: ModelCard, mammograms: pd.DataFrame) -> int:
    """How many patients have a mammogram that the calibration of a model was fitted on.

    Other mammograms of the same women are not recognised.
    """
    known = _hashes(mammograms).isin(card.calibrated_on.get("pixel_hashes", []))
    return int(mammograms.loc[known, "patient_id"].nunique())


def flattery(patients: int, *, of: int) -> str:
    """What it means to judge a model on patients that it was calibrated on."""
    return (
        f"the model was calibrated on {patients} of these {of} patients, so how well its "
        "probabilities fit here says little about other patients. calibrate.json of that run has "
        "figures by cross-fitting; the ranking (AUC, FROC) is not touched."
    )


def _hashes(mammograms: pd.DataFrame) -> pd.Series:
    return mammograms["pixel_sha256"].str[:HASH_LETTERS]
