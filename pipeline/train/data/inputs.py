"""What preprocess wrote, as training and validation use it."""

import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pipeline.annotations.labels import IGNORED, POSITIVE
from pipeline.annotations.outlines import read_outlines
from pipeline.model.validation import ValidationImage, read_validation
from pipeline.preprocess.tables import read_mammograms, read_positions
from pipeline.run.csv_tables import read_csv_table
from pipeline.run.errors import UserError
from pipeline.run.stage import Stage
from pipeline.train.data.corpus import Corpus, check_sources, kinds_of_findings, read_corpus
from pipeline.train.data.permuted_labels import label_tables, permute_labels


@dataclass(frozen=True, eq=False)
class Inputs:
    """The tables, and what is drawn from them."""

    mammograms: pd.DataFrame
    positions: pd.DataFrame
    corpus: Corpus
    validation: list[ValidationImage]
    kinds: tuple[str, ...] = ()  # that the head tells apart


def read_inputs(stage: Stage) -> Inputs:
    """Read and check the tables of a run.

    Raises:
        UserError: a table is missing, or the training split lacks a class.
    """
    mammograms, positions = read_mammograms(stage.run), read_positions(stage.run)
    outlines, labels = read_outlines(stage.run), stage.settings.labels
    tells_kinds = stage.settings.network.head.endswith("_kinds")
    kinds = kinds_of_findings(mammograms, outlines) if tells_kinds else ()
    tables = None
    if stage.settings.train.permute_labels:
        if kinds:
            raise UserError(
                "train.permute_labels goes with a network.head of one question, sigmoid or "
                "softmax: permuted positions have no kind of finding."
            )
        positions = permute_labels(positions, seed=stage.settings.train.seed)
        step = labels.pitch_px(spacing_mm=stage.settings.image.spacing_mm)
        tables = label_tables(positions, pitch_px=step)
    corpus = read_corpus(
        mammograms,
        outlines,
        positions,
        labels=labels,
        kinds=kinds,
        mined=read_mined(stage.settings.train.mined),
        balance=stage.settings.train.balance,
        tables=tables,
    )
    for warning in check_sources(mammograms, positions):
        warn(warning)
    validation = read_validation(mammograms, outlines, positions, labels=labels)
    inputs = Inputs(mammograms, positions, corpus, validation, kinds)
    if split_counts(inputs, "validation")["positives"] == 0:
        warn(
            "the validation patients have no positive position, so the last weights are taken "
            "instead of the best and the temperature stays 1. Raise split.validation."
        )
    return inputs


def read_mined(path: Path | None) -> pd.DataFrame | None:
    """The false alarms that an earlier `make mine` wrote; None without a table.

    Raises:
        UserError: the table is missing or damaged, or of an earlier version.
    """
    if path is None:
        return None
    if not path.is_file():
        raise UserError(f"train.mined={path} is no file. make mine writes one.")
    needed: dict[str, type | str] = {"image_id": str}
    needed |= dict.fromkeys(("row_standard", "col_standard"), "float64")
    return read_csv_table(path, needed, rest=None, written_by="make mine")


def split_counts(inputs: Inputs, split: str) -> dict[str, int]:
    """Patients, mammograms, lesions and positions of a split."""
    mammograms = inputs.mammograms[inputs.mammograms["split"] == split]
    positions = inputs.positions[inputs.positions["split"] == split]
    positive = positions["label"] == POSITIVE
    return {
        "patients": int(mammograms["patient_id"].nunique()),
        "mammograms": len(mammograms),
        "lesions": int(positions.loc[positive, "finding_id"].nunique()),
        "positives": int(positive.sum()),
        "negatives": int(((positions["label"] != IGNORED) & ~positive).sum()),
    }


def natural_prior(positions: pd.DataFrame) -> float:
    """Share of positive positions of the training and validation patients, counted."""
    known = positions[positions["split"].isin(["train", "validation"])]
    return float((known.loc[known["label"] != IGNORED, "label"] == POSITIVE).mean())


def warn(text: str) -> None:
    """Say something that does not stop the training."""
    print(f"train: warning: {text}", file=sys.stderr, flush=True)
