"""What training may draw from: the training mammograms, their lesions, their negative positions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from pipeline.annotations.labels import IGNORED, NEGATIVE, POSITIVE, label_points
from pipeline.annotations.outlines import Outlines
from pipeline.config import LabelSettings
from pipeline.model.validation import OutlinedImage
from pipeline.preprocess.store.entries import breast_at, read_breast
from pipeline.run.errors import UserError
from pipeline.train.data.permuted_labels import LabelTable

MAX_KINDS = 7  # bits of an int8 target beside its sign


@dataclass(frozen=True, eq=False, kw_only=True)
class TrainingImage(OutlinedImage):
    """A training mammogram and what its targets are."""

    kinds: tuple[str, ...] = ()  # of findings, where targets tell them apart
    table: LabelTable | None = None  # labels that stand in place of those of the outlines

    @cached_property
    def breast(self) -> np.ndarray:
        """Breast mask in cells of the store; kept, for it is small."""
        return read_breast(self.store)

    def labels(self, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
        """Targets at points in standard pixels: as the patch table, ignored outside the breast.

        Returns:
            int8 array of the broadcast shape.
        """
        if self.table is not None:
            labels = self.table.at(rows, cols)
        else:
            labels = label_points(rows, cols, self.outlines, self.rule)
        if self.unlocated:
            labels[labels == NEGATIVE] = IGNORED
        return np.where(breast_at(self.breast, rows, cols), labels, np.int8(IGNORED))

    def targets(self, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
        """Labels whose positive value has a bit for each of `kinds` that is there, int8."""
        labels = self.labels(rows, cols)
        if not self.kinds:
            return labels
        bits = np.zeros_like(labels)
        for bit, kind in enumerate(self.kinds):
            of_kind = [o for o in self.outlines if o.positive and o.kind == kind]
            there = label_points(rows, cols, of_kind, self.rule) == POSITIVE
            bits |= (there << bit).astype(np.int8)
        return np.where(labels == POSITIVE, bits, labels)


@dataclass(frozen=True, eq=False)
class Positions:
    """Positions of the patch table, (n,) each."""

    image: np.ndarray  # index into Corpus.images
    # row, col: standard pixels
    row: np.ndarray
    col: np.ndarray

    def __len__(self) -> int:
        return len(self.row)


@dataclass(frozen=True, eq=False)
class Corpus:
    """All that crops are drawn from."""

    # the training mammograms with a positive or a negative position
    images: Sequence[TrainingImage]
    lesions: Sequence[Positions]  # the positive positions of each finding that has one
    negatives: Positions  # all negative positions
    mined: Positions  # false alarms of an earlier model
    # indices of lesions; crops are drawn from each group alike. Empty: from each lesion alike.
    lesion_groups: Sequence[np.ndarray] = ()
    negative_groups: Sequence[np.ndarray] = ()  # the same for the negative positions


def read_corpus(
    mammograms: pd.DataFrame,
    outlines: Outlines,
    positions: pd.DataFrame,
    *,
    labels: LabelSettings,
    kinds: tuple[str, ...] = (),
    mined: pd.DataFrame | None = None,
    balance: str = "lesions",
    tables: Mapping[str, LabelTable] | None = None,
) -> Corpus:
    """Collect the training split of the tables of preprocess.

    Args:
        kinds: kinds of findings that the targets tell apart, if any.
        mined: table of `mine`; rows of other mammograms than the training's are left out.
        balance: what crops are drawn from alike: "lesions", "kinds" of findings, or "sets", data
            sets, for crops with and without findings.
        tables: targets by image id, in place of those of the outlines.

    Raises:
        UserError: the training patients have no positive or no negative position.
    """
    train = mammograms[mammograms["split"] == "train"]
    rows = positions[positions["image_id"].isin(train["image_id"])]
    rows = rows[rows["label"] != IGNORED]
    used = train[train["image_id"].isin(rows["image_id"])]
    positive = rows[rows["label"] == POSITIVE]
    negative = rows[rows["label"] == NEGATIVE]
    outlined = any(outlines.get(image_id) for image_id in train["image_id"])
    _need_both_classes(len(positive), len(negative), images=len(train), outlined=outlined)
    images = [
        TrainingImage.of_row(
            row, outlines, labels, kinds=kinds, table=(tables or {}).get(row["image_id"])
        )
        for row in used.to_dict("records")
    ]
    number = pd.Series(range(len(images)), index=used["image_id"].to_numpy(), dtype="int64")
    by_lesion = dict(list(positive.groupby(["image_id", "finding_id"], sort=True)))
    lesion_groups: list[np.ndarray] = []
    negative_groups: list[np.ndarray] = []
    source = used.set_index("image_id")["dataset"]
    if balance == "kinds":
        kind = {(i, o.finding_id): o.kind for i, found in outlines.items() for o in found}
        lesion_groups = _groups([kind[lesion] for lesion in by_lesion])
    elif balance == "sets":
        lesion_groups = _groups([source[image_id] for image_id, _ in by_lesion])
        negative_groups = _groups(source[negative["image_id"]])
    mined = rows.iloc[:0] if mined is None else mined
    return Corpus(
        images=images,
        lesions=[_positions(group, number, np.float64) for group in by_lesion.values()],
        negatives=_positions(negative, number, np.float32),
        mined=_positions(mined[mined["image_id"].isin(number.index)], number, np.float32),
        lesion_groups=lesion_groups,
        negative_groups=negative_groups,
    )


def _groups(names: Sequence[str]) -> list[np.ndarray]:
    """Indices of each name, the names sorted."""
    return [np.flatnonzero(np.asarray(names) == name) for name in sorted(set(names))]


def _positions(rows: pd.DataFrame, number: pd.Series, dtype: type) -> Positions:
    """Rows of a table as positions of the images with these numbers."""
    return Positions(
        number[rows["image_id"]].to_numpy(np.int64),
        rows["row_standard"].to_numpy(dtype),
        rows["col_standard"].to_numpy(dtype),
    )


def check_sources(mammograms: pd.DataFrame, positions: pd.DataFrame) -> list[str]:
    """Look for sources that give one class only: there the network may learn the source.

    Returns:
        Warnings about scanners; scanners are often few, so they do not stop the run.

    Raises:
        UserError: a data set among several gives the training only one class.
    """
    train = positions[(positions["split"] == "train") & (positions["label"] != IGNORED)]
    train = train.merge(mammograms[["image_id", "dataset", "scanner"]], on="image_id")
    for source, only in _one_class_sources(train, "dataset"):
        raise UserError(
            f"Data set {source!r} gives the training only {only} positions while others give "
            "both, so the network could learn the data set instead of the tissue. Add "
            f"mammograms of the other class from {source!r}, or leave it out."
        )
    return [
        f"Scanner {source!r} gives the training only {only} positions; the network may learn "
        "the scanner instead of the tissue."
        for source, only in _one_class_sources(train, "scanner")
    ]


def _one_class_sources(train: pd.DataFrame, column: str) -> list[tuple[str, str]]:
    positive_share = (train["label"] == POSITIVE).groupby(train[column]).mean()
    if len(positive_share) < 2:
        return []
    names = {0.0: "negative", 1.0: "positive"}
    return [(str(s), names[share]) for s, share in positive_share.items() if share in names]


def kinds_of_findings(mammograms: pd.DataFrame, outlines: Outlines) -> tuple[str, ...]:
    """Kinds of the findings on some mammograms that count, sorted.

    Raises:
        UserError: there are more than a target can hold.
    """
    kinds = {
        o.kind for image in mammograms["image_id"] for o in outlines.get(image, ()) if o.positive
    }
    if len(kinds) > MAX_KINDS:
        raise UserError(
            f"network.head tells at most {MAX_KINDS} kinds of findings apart, the training "
            f"patients have {len(kinds)}: {', '.join(sorted(kinds))}. Choose with labels.kinds."
        )
    return tuple(sorted(kinds))


def _need_both_classes(positives: int, negatives: int, *, images: int, outlined: bool) -> None:
    if positives and negatives:
        return
    if not outlined:
        raise UserError(
            f"None of the {images} training mammograms has an outline, so nothing tells where a "
            "network should look. Add a data set with outlines (data.importer=combined), or "
            "judge these mammograms with a model that is there: make heatmap evaluate MODEL=..."
        )
    missing = "negative" if positives else "positive"
    raise UserError(
        f"The training patients have no {missing} position ({positives} positive, {negatives} "
        "negative). Training needs both: check the findings of the catalog, labels.kinds, "
        "labels.positive and the split, or raise data.limit."
    )
