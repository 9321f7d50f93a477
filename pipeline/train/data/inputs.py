"""What preprocess wrote, as training and validation use it."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from pipeline.annotations.labels import IGNORED, POSITIVE
from pipeline.annotations.outlines import Outlines, read_outlines
from pipeline.config import Settings
from pipeline.model.validation import ValidationImage, read_validation
from pipeline.preprocess.tables import read_mammograms, read_positions
from pipeline.run.csv_tables import read_csv_table
from pipeline.run.errors import UserError
from pipeline.run.stage import Stage
from pipeline.train.data.corpus import Corpus, check_sources, kinds_of_findings, read_corpus
from pipeline.train.data.permuted_labels import LabelTable, label_tables, permute_labels

DEVELOPMENT = ("train", "validation")  # test patients are in neither


@dataclass(frozen=True, eq=False)
class Tables:
    """What preprocess wrote."""

    mammograms: pd.DataFrame
    outlines: Outlines
    positions: pd.DataFrame  # with permuted labels, where they are permuted
    kinds: tuple[str, ...] = ()  # of findings, that the head tells apart
    permuted: Mapping[str, LabelTable] | None = None  # labels by image id, where they are permuted

    def with_split(self, split: Mapping[str, str]) -> "Tables":
        """The same with another split of those patients whom `split` names."""

        def moved(table: pd.DataFrame) -> pd.DataFrame:
            return table.assign(split=table["patient_id"].map(split).fillna(table["split"]))

        return replace(self, mammograms=moved(self.mammograms), positions=moved(self.positions))

    def counts(self, *splits: str) -> dict[str, int]:
        """Patients, mammograms, lesions and positions of the splits together."""
        mammograms = self.mammograms[self.mammograms["split"].isin(splits)]
        positions = self.positions[self.positions["split"].isin(splits)]
        positive = positions["label"] == POSITIVE
        return {
            "patients": int(mammograms["patient_id"].nunique()),
            "mammograms": len(mammograms),
            "lesions": int(positions.loc[positive, "finding_id"].nunique()),
            "positives": int(positive.sum()),
            "negatives": int(((positions["label"] != IGNORED) & ~positive).sum()),
        }


@dataclass(frozen=True, eq=False)
class Inputs:
    """The tables, and what is drawn from them for one network."""

    tables: Tables
    corpus: Corpus
    validation: list[ValidationImage]


def read_tables(stage: Stage) -> Tables:
    """Read the tables of a run.

    Raises:
        UserError: a table is missing, or the settings do not go together.
    """
    mammograms, positions = read_mammograms(stage.run), read_positions(stage.run)
    outlines, train = read_outlines(stage.run), stage.settings.train
    if not mammograms["split"].isin(DEVELOPMENT).any():
        raise UserError(
            f"All {mammograms['patient_id'].nunique()} patients are held out for the test, none is "
            "left to train on. Lower split.test, or change the table of data.split; a model that "
            "is there judges them all: make heatmap evaluate MODEL=..."
        )
    kinds: tuple[str, ...] = ()
    if stage.settings.network.head.endswith("_kinds"):
        # All networks of an ensemble tell the same ones apart.
        seen = DEVELOPMENT if train.members > 1 else ("train",)
        kinds = kinds_of_findings(mammograms[mammograms["split"].isin(seen)], outlines)
    if not train.permute_labels:
        return Tables(mammograms, outlines, positions, kinds)
    positions = permute_labels(positions, seed=train.seed)
    step = stage.settings.labels.pitch_px(spacing_mm=stage.settings.image.spacing_mm)
    permuted = label_tables(positions, pitch_px=step)
    return Tables(mammograms, outlines, positions, permuted=permuted)


def inputs_of(tables: Tables, settings: Settings) -> Inputs:
    """Check the tables, and take from them what one network is trained and validated on.

    Raises:
        UserError: the training split lacks a class.
    """
    corpus = corpus_of(tables, settings)
    for warning in check_sources(tables.mammograms, tables.positions):
        warn(warning)
    if tables.counts("validation")["positives"] == 0:
        warn(
            "the validation patients have no positive position, so the last weights are taken "
            "instead of the best. Raise split.validation, or lower train.members."
        )
    validation = read_validation(
        tables.mammograms, tables.outlines, tables.positions, labels=settings.labels
    )
    return Inputs(tables, corpus, validation)


def corpus_of(tables: Tables, settings: Settings) -> Corpus:
    """What one network is trained on.

    Raises:
        UserError: the training split lacks a class.
    """
    return read_corpus(
        tables.mammograms,
        tables.outlines,
        tables.positions,
        labels=settings.labels,
        kinds=tables.kinds,
        mined=read_mined(settings.train.mined),
        balance=settings.train.balance,
        tables=tables.permuted,
    )


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


def natural_prior(positions: pd.DataFrame) -> float:
    """Share of positive positions of the training and validation patients, counted."""
    known = positions[positions["split"].isin(DEVELOPMENT)]
    return float((known.loc[known["label"] != IGNORED, "label"] == POSITIVE).mean())


def warn(text: str) -> None:
    """Say something that does not stop the training."""
    print(f"train: warning: {text}", file=sys.stderr, flush=True)
