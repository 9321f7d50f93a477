"""What is judged: the mapped mammograms of the test patients, their positions and candidates."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.annotations.labels import NEGATIVE, POSITIVE
from pipeline.annotations.outlines import Outlines, read_outlines
from pipeline.model.calibration import Calibration
from pipeline.model.card import ModelCard, model_folder, read_card
from pipeline.preprocess.tables import read_mammograms, read_position_columns
from pipeline.run.atomic import read_json
from pipeline.run.csv_tables import read_csv_table
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder
from pipeline.run.settings import recall

ABNORMAL, NORMAL, UNKNOWN = 1, 0, -1
POSITION_COLUMNS = (
    *("image_id", "patient_id", "row_index", "col_index", "row_standard", "col_standard"),
    *("label", "finding_id", "logit"),
)
EXTENT = {
    "first_row": ("row_standard", "min"),
    "last_row": ("row_standard", "max"),
    "last_col": ("col_standard", "max"),
}
# Text in candidates.csv and regions.csv beside image_id.
_OF_FINDING = ("patient_id", "laterality", "view", "split", "finding_id")


@dataclass(frozen=True, eq=False)
class Judged:
    """Everything that the figures are computed from."""

    split: str  # "test", or "all" for a run that only applies another run's model
    # images.csv joined with mammograms.csv, one row per mapped mammogram, and `truth` (1 abnormal,
    # 0 normal, -1 neither) and `outlined` (bool); `with_extent` has added its columns
    images: pd.DataFrame
    # POSITION_COLUMNS of predictions.parquet without ignored positions, and without the negative
    # ones of images whose truth is not known; `above_threshold` (bool) where a region may be
    positions: pd.DataFrame
    # candidates, regions: tables of the heatmap stage. As in `images` and `positions`,
    # `trained_logit` is what the network gave, `logit` that of the calibrated probability, and
    # `shown_logit` that of the probability as it is shown, which is capped; `lowered_logit` is
    # before the calibration, and `score` what ranks them.
    candidates: pd.DataFrame
    regions: pd.DataFrame
    outlines: Outlines  # of each image, original pixels
    patients: list[str]  # ids, the units of the bootstrap
    card: ModelCard

    @property
    def is_synthetic(self) -> bool:
        return bool((self.images["dataset"] == "phantom").any())

    @property
    def lesions(self) -> int:
        """Findings with a positive position."""
        positive = self.positions[self.positions["label"] == POSITIVE]
        return len(positive[["image_id", "finding_id"]].drop_duplicates())

    def patient_index(self, ids: pd.Series) -> np.ndarray:
        """Index in `patients` of each patient id, (n,) int64.

        Raises:
            ValueError: an id is not in `patients`.
        """
        index = pd.Index(self.patients).get_indexer(ids)
        for unknown in ids[index < 0]:
            raise ValueError(f"patient {unknown!r} is not among the {len(self.patients)} patients")
        return index.astype(np.int64)

    def only(self, images: pd.DataFrame) -> "Judged":
        """Some rows of `images` and what belongs to them; the patients of the bootstrap stay."""
        return replace(
            self,
            images=images.reset_index(drop=True),
            positions=_of_images(self.positions, images),
            candidates=_of_images(self.candidates, images),
            regions=_of_images(self.regions, images),
            outlines={i: self.outlines[i] for i in images["image_id"]},
        )


def load_judged(run: RunFolder) -> Judged:
    """Read the tables of the heatmap stage and what they refer to.

    Raises:
        UserError: a table is missing, or the tables are not of the same images.
    """
    split = "all" if recall(run).model else "test"
    card, maps = read_card(model_folder(run)), read_json(run.heatmap_summary)
    if maps:  # of which the prior may be another than the model's
        card = card.with_prior(maps["natural_prior"])
    images = _read_csv(run.images, "patient_id", "split", "outcome")
    if split != "all":
        images = images[images["split"] == split]
    outlines = read_outlines(run)
    images = _with_truth(_with_mammograms(images, read_mammograms(run)), outlines)
    positions = read_position_columns(run.predictions, POSITION_COLUMNS, written_by="make heatmap")
    images = with_extent(images, positions)
    known = images.loc[has_known_truth(images), "image_id"]
    judged = positions["label"].eq(POSITIVE) & positions["image_id"].isin(images["image_id"])
    judged |= positions["label"].eq(NEGATIVE) & positions["image_id"].isin(known)
    positions = positions[judged].reset_index(drop=True)
    positions["above_threshold"] = positions["logit"] >= card.threshold_logit
    regions = _read_csv(run.regions, *_OF_FINDING, logit=float)
    return Judged(
        split=split,
        images=_calibrated(images, card),
        positions=_calibrated(positions, card),
        candidates=_calibrated(_of_images(_read_csv(run.candidates, *_OF_FINDING), images), card),
        regions=_calibrated(_of_images(regions, images), card),
        outlines={i: outlines.get(i, []) for i in images["image_id"]},
        patients=sorted(images["patient_id"].unique()),
        card=card,
    )


def _calibrated(table: pd.DataFrame, card: ModelCard) -> pd.DataFrame:
    """The calibrated logit in place of the network's, which stays as `trained_logit`.

    Both rank alike within a run; between the folds of a cross-validation only this one is one
    scale.
    """
    trained = table["logit"].to_numpy(dtype=np.float64)
    return calibrated(table.assign(trained_logit=trained), card.calibration)


def calibrated(table: pd.DataFrame, calibration: Calibration) -> pd.DataFrame:
    """The table with the logits that a calibration makes of its `trained_logit`."""
    trained = table["trained_logit"].to_numpy(dtype=np.float64)
    return table.assign(
        logit=calibration.logit(trained), shown_logit=calibration.shown_logit(trained)
    )


def finding_ids(positions: pd.DataFrame) -> np.ndarray:
    """One id for each finding of all images, (n,) object; "" at positions that are not positive."""
    ids = np.full(len(positions), "", dtype=object)
    positive = (positions["label"] == POSITIVE).to_numpy()
    own = positions.loc[positive, ["image_id", "finding_id"]].astype(str)
    ids[positive] = own["image_id"] + "/" + own["finding_id"]
    return ids


def has_known_truth(images: pd.DataFrame) -> np.ndarray:
    """Images on which a false alarm is known to be one, bool (n,).

    Where nobody knows the outcome, or a finding has no outline, a high score may be right.
    """
    known = (images["truth"] != UNKNOWN) | images["outlined"]
    return (known & ~images["unlocated"]).to_numpy(dtype=bool)


def with_extent(images: pd.DataFrame, positions: pd.DataFrame) -> pd.DataFrame:
    """Images with the first and last row and the last column of all positions of each."""
    extent = positions.groupby("image_id").agg(**EXTENT)
    return images.join(extent, on="image_id")


def _read_csv(path: Path, *text: str, **numbers: type) -> pd.DataFrame:
    types = dict.fromkeys(("image_id", *text), str) | numbers
    return read_csv_table(path, types, rest=None, written_by="make heatmap")


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
    found = [outlines.get(image_id, []) for image_id in images["image_id"]]
    outlined = np.array([len(of_image) > 0 for of_image in found], dtype=bool)
    counts = np.array([any(o.positive for o in of_image) for of_image in found], dtype=bool)
    outcome = images["outcome"].map({"abnormal": ABNORMAL, "normal": NORMAL}).fillna(UNKNOWN)
    truth = np.select([counts, outlined], [ABNORMAL, UNKNOWN], outcome.to_numpy(np.int64))
    return images.assign(truth=truth, outlined=outlined)


def _of_images(table: pd.DataFrame, images: pd.DataFrame) -> pd.DataFrame:
    return table[table["image_id"].isin(images["image_id"])].reset_index(drop=True)
