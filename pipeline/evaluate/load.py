"""What is judged: the mapped mammograms of the test patients, their positions and candidates."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.annotations.labels import NEGATIVE, POSITIVE
from pipeline.annotations.outlines import Outlines, read_outlines
from pipeline.config import LabelSettings
from pipeline.figures.bootstrap import patient_index
from pipeline.model.card import ModelCard, model_folder, read_card
from pipeline.preprocess.tables import read_mammograms
from pipeline.run.csv_tables import read_csv_table
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder
from pipeline.run.settings import recall

ABNORMAL, NORMAL, UNKNOWN = 1, 0, -1


@dataclass(frozen=True)
class Judged:
    """Everything that the figures are computed from.

    Attributes:
        split: "test", or "all" for a run that only applies another run's model.
        images: images.csv joined with mammograms.csv, one row per mapped mammogram, and
            `truth` (1 abnormal, 0 normal, -1 neither) and `outlined` (bool).
        positions: predictions.parquet without ignored positions, and without the negative ones
            of images whose truth is not known; `logit` is that of the calibrated probability here
            as in `images` and `candidates`, `trained_logit` what the network gave; `patient` is
            an index, and `with_extent` has added its columns.
        candidates, regions: tables of the heatmap stage.
        outlines: of each image, original pixels.
        patients: ids, the units of the bootstrap.
    """

    split: str
    images: pd.DataFrame
    positions: pd.DataFrame
    candidates: pd.DataFrame
    regions: pd.DataFrame
    outlines: Outlines
    patients: list[str]
    card: ModelCard

    @property
    def labels(self) -> LabelSettings:
        """The label rule that the model was trained with."""
        return self.card.labels

    @property
    def is_synthetic(self) -> bool:
        return bool((self.images["dataset"] == "phantom").any())


def load_judged(run: RunFolder) -> Judged:
    """Read the tables of the heatmap stage and what they refer to.

    Raises:
        UserError: a table is missing, or the tables are not of the same images.
    """
    split = "all" if recall(run).model else "test"
    card = _card_in_use(run)
    images = _calibrated(_read_csv(run.images, "patient_id", "split", "outcome"), card)
    if split != "all":
        images = images[images["split"] == split]
    outlines = read_outlines(run)
    images = _with_truth(_with_mammograms(images, read_mammograms(run)), outlines)
    patients = sorted(images["patient_id"].unique())
    return Judged(
        split=split,
        images=images,
        positions=_calibrated(_labelled_positions(run, images, patients), card),
        candidates=_calibrated(_of_images(_read_csv(run.candidates), images), card),
        regions=_of_images(_read_csv(run.regions), images),
        outlines={i: outlines.get(i, []) for i in images["image_id"]},
        patients=patients,
        card=card,
    )


def _card_in_use(run: RunFolder) -> ModelCard:
    """The card of the model with the prior that the maps of the run were made with."""
    card = read_card(model_folder(run))
    if not run.heatmap_summary.is_file():
        return card
    summary = json.loads(run.heatmap_summary.read_text(encoding="utf-8"))
    return card.with_prior(summary["natural_prior"])


def _calibrated(table: pd.DataFrame, card: ModelCard) -> pd.DataFrame:
    """The calibrated logit in place of the network's, which stays as `trained_logit`.

    Both rank alike within a run; between the folds of a cross-validation only this one is one
    scale.
    """
    trained = table["logit"].to_numpy(dtype=np.float64)
    return table.assign(logit=card.calibration.logit(trained), trained_logit=trained)


def has_known_truth(images: pd.DataFrame) -> np.ndarray:
    """Images on which a false alarm is known to be one, bool (n,).

    Where nobody knows the outcome, or a finding has no outline, a high score may be right.
    """
    known = (images["truth"] != UNKNOWN) | images["outlined"]
    return (known & ~images["unlocated"]).to_numpy(dtype=bool)


def with_extent(positions: pd.DataFrame) -> pd.DataFrame:
    """Add the first and last row and the last column of all positions of each image."""
    image = positions.groupby("image_id")
    return positions.assign(
        first_row=image["row"].transform("min"),
        last_row=image["row"].transform("max"),
        last_col=image["col"].transform("max"),
    )


def _read_csv(path: Path, *text: str) -> pd.DataFrame:
    return read_csv_table(
        path, dict.fromkeys(("image_id", *text), str), rest=None, written_by="make heatmap"
    )


def _require(path: Path) -> None:
    if not path.is_file():
        raise UserError(f"{path} is missing. make heatmap writes it.")


def _with_mammograms(images: pd.DataFrame, mammograms: pd.DataFrame) -> pd.DataFrame:
    unknown = sorted(set(images["image_id"]) - set(mammograms["image_id"]))
    if unknown:
        raise UserError(
            f"images.csv lists {unknown[0]} (and {len(unknown) - 1} more) that mammograms.csv "
            "lacks. The maps are older than the mammograms: run make heatmap FORCE=1."
        )
    known = mammograms.drop(columns=["patient_id", "split", "outcome"])
    joined = images.merge(known, on="image_id", how="left", validate="one_to_one")
    return joined.sort_values("image_id", ignore_index=True)


def _with_truth(images: pd.DataFrame, outlines: Outlines) -> pd.DataFrame:
    """The truth of each image.

    Abnormal: a finding that counts, or one without outline. Neither: outlines of which none
    counts, or an outcome that nobody knows.
    """
    truth = []
    for image in images.itertuples():
        found = outlines.get(image.image_id, [])
        if any(outline.positive for outline in found):
            truth.append(ABNORMAL)
        elif found:
            truth.append(UNKNOWN)
        else:
            truth.append({"abnormal": ABNORMAL, "normal": NORMAL}.get(image.outcome, UNKNOWN))
    outlined = [bool(outlines.get(i)) for i in images["image_id"]]
    return images.assign(
        truth=np.array(truth, dtype=np.int64), outlined=np.array(outlined, dtype=bool)
    )


def _labelled_positions(run: RunFolder, images: pd.DataFrame, patients: list[str]) -> pd.DataFrame:
    _require(run.predictions)
    table = with_extent(_of_images(pd.read_parquet(run.predictions), images))
    known = table["image_id"].isin(images.loc[has_known_truth(images), "image_id"])
    judged = (table["label"] == POSITIVE) | ((table["label"] == NEGATIVE) & known)
    table = table[judged].reset_index(drop=True)
    # One look-up per image, not one per position.
    index = dict(
        zip(images["image_id"], patient_index(images["patient_id"], patients=patients), strict=True)
    )
    return table.assign(patient=table["image_id"].map(index).astype(np.int64))


def _of_images(table: pd.DataFrame, images: pd.DataFrame) -> pd.DataFrame:
    return table[table["image_id"].isin(images["image_id"])].reset_index(drop=True)
