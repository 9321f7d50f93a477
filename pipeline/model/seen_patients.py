"""Whether a model meets the very patients that it was trained or calibrated on."""

import sys
from collections.abc import Sequence

import pandas as pd

from pipeline.model.card import ModelCard
from pipeline.preprocess.split import TRAIN, VALIDATION
from pipeline.preprocess.tables import read_mammograms
from pipeline.run.atomic import read_json
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder

HASH_LETTERS = 16  # of a SHA-256; 64 bits do not meet by chance


def pixel_hashes(mammograms: pd.DataFrame) -> list[str]:
    """What a card keeps of the mammograms of a training or a calibration, sorted.

    Hashes of pixels, because those of ids can be undone by trying all ids.
    """
    return sorted(set(_hashes(mammograms)))


def is_among(mammograms: pd.DataFrame, pixel_hashes: Sequence[str]) -> pd.Series:
    """Bool for each row of mammograms.csv: its pixels are among these of `pixel_hashes`."""
    return _hashes(mammograms).isin(pixel_hashes)


def patients_among(mammograms: pd.DataFrame, pixel_hashes: Sequence[str]) -> int:
    """How many patients have a mammogram that is among these of `pixel_hashes`.

    Other mammograms of the same women are not recognised.
    """
    return int(mammograms.loc[is_among(mammograms, pixel_hashes), "patient_id"].nunique())


def met_in_training(card: ModelCard, mammograms: pd.DataFrame) -> pd.Series:
    """Bool for each row of mammograms.csv: a model was trained on her, or she chose its weights.

    Women are known by their pixels, and those of a hospital, of whom there may be other mammograms
    here, by their pseudonyms, as long as the run of the training lies around the model.
    """
    patients = mammograms["patient_id"]
    met = patients[is_among(mammograms, card.training.pixel_hashes)]
    return patients.isin([*met, *_pseudonyms_of_training(card)])


def patients_trained_on(card: ModelCard, mammograms: pd.DataFrame) -> int:
    """How many of these patients a model was trained on, or chose its weights."""
    return int(mammograms.loc[met_in_training(card, mammograms), "patient_id"].nunique())


def _pseudonyms_of_training(card: ModelCard) -> set[str]:
    """Of other ids there are none: those of two hospitals may meet, keyed hashes do not."""
    run = RunFolder(card.folder.parent) if card.was_read else None
    if not run or not (read_json(run.catalog) or {}).get("pseudonyms"):
        return set()
    try:
        known = read_mammograms(run)
    except UserError:  # the model counts, not what lies around it
        return set()
    return set(known.loc[known["split"].isin((TRAIN, VALIDATION)), "patient_id"])


def warn_of_overlap(stage: str, card: ModelCard, mammograms: pd.DataFrame) -> tuple[int, int]:
    """Say on stderr which patients of `mammograms` the model has met, if any.

    Returns:
        Patients of its calibration and of its training.
    """
    site = card.calibrated_on
    calibrated = patients_among(mammograms, site.pixel_hashes if site else ())
    trained = patients_trained_on(card, mammograms)
    here = mammograms["patient_id"].nunique()
    for same, text in (
        (calibrated, calibration_overlap_text),
        (trained, training_overlap_text),
    ):
        if same:
            print(f"{stage}: warning: {text(same, of=here)}", file=sys.stderr, flush=True)
    return calibrated, trained


def calibration_overlap_text(patients: int, *, of: int) -> str:
    """What it means to judge a model on patients that it was calibrated on."""
    return (
        f"the model was calibrated on {patients} of these {of} patients, so how well its "
        "probabilities fit here says little about other patients. calibrate.json of that run has "
        "figures by cross-fitting; the ranking (AUC, FROC) is not touched."
    )


def training_overlap_text(patients: int, *, of: int) -> str:
    """What it means to use a model on patients that it was trained on."""
    return (
        f"the model was trained on {patients} of these {of} patients, or they chose its weights: "
        "their maps and every figure of them show what it has memorised, and not how well it "
        "does with others."
    )


def _hashes(mammograms: pd.DataFrame) -> pd.Series:
    return mammograms["pixel_sha256"].str[:HASH_LETTERS]
