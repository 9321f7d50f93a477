"""What training may draw from: the training mammograms, their lesions, their negative positions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd

from pipeline.annotations.geometry import geometry_of
from pipeline.annotations.labels import (
    IGNORED,
    NEGATIVE,
    POSITIVE,
    LabelRule,
    label_points,
)
from pipeline.annotations.outlines import Outline, Outlines, standard_outlines
from pipeline.config import LabelSettings
from pipeline.preprocess.store.entries import breast_at, read_breast
from pipeline.run.errors import UserError
from pipeline.train.permuted import LabelTable

MAX_KINDS = 7  # bits of an int8 target beside its sign


@dataclass(frozen=True, eq=False)
class TrainingImage:
    """A mammogram of the store with its outlines in standard pixels."""

    image_id: str
    store: str
    height: int
    width: int
    outlines: Sequence[Outline]
    rule: LabelRule
    unlocated: bool = False  # something abnormal may be outside the outlines
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


def _nothing() -> np.ndarray:
    return np.zeros(0, np.int64)


@dataclass(frozen=True, eq=False)
class Lesion:
    """The positive positions of one finding."""

    image: int  # index into Corpus.images
    rows: np.ndarray  # (n,) float, standard pixels
    cols: np.ndarray  # (n,)


@dataclass(frozen=True, eq=False)
class Corpus:
    """All that crops are drawn from.

    Attributes:
        images: the training mammograms with a positive or a negative position.
        lesions: findings with at least one positive position.
        negative_image, negative_row, negative_col: (n,) each, all negative positions.
        mined_image, mined_row, mined_col: (m,) each, false alarms of an earlier model.
        lesion_groups: indices of lesions; crops are drawn from each group alike. Empty: from each
            lesion alike.
        negative_groups: the same for the negative positions.
    """

    images: Sequence[TrainingImage]
    lesions: Sequence[Lesion]
    negative_image: np.ndarray
    negative_row: np.ndarray
    negative_col: np.ndarray
    mined_image: np.ndarray = field(default_factory=_nothing)
    mined_row: np.ndarray = field(default_factory=_nothing)
    mined_col: np.ndarray = field(default_factory=_nothing)
    lesion_groups: Sequence[np.ndarray] = ()
    negative_groups: Sequence[np.ndarray] = ()

    def with_labels(self, tables: Mapping[str, LabelTable]) -> "Corpus":
        """The same drawing places, and targets from the tables of labels, by image id."""
        images = [replace(image, table=tables[image.image_id]) for image in self.images]
        return replace(self, images=images)


def read_corpus(
    mammograms: pd.DataFrame,
    outlines: Outlines,
    positions: pd.DataFrame,
    *,
    labels: LabelSettings,
    kinds: tuple[str, ...] = (),
    mined: pd.DataFrame | None = None,
    balance: str = "lesions",
) -> Corpus:
    """Collect the training split of the tables of preprocess.

    Args:
        kinds: kinds of findings that the targets tell apart, if any.
        mined: table of mining.py; rows of other mammograms than the training's are left out.
        balance: what crops are drawn from alike: "lesions", "kinds" of findings, or "sets", data
            sets, for crops with and without findings.

    Raises:
        UserError: the training patients have no positive or no negative position.
    """
    train = mammograms[mammograms["split"] == "train"]
    rows = positions[positions["image_id"].isin(train["image_id"])]
    rows = rows[rows["label"] != IGNORED]
    used = train[train["image_id"].isin(rows["image_id"])]
    outlined = sum(bool(outlines.get(image_id)) for image_id in train["image_id"])
    images = [
        _training_image(row, outlines.get(row["image_id"], ()), labels, kinds)
        for row in used.to_dict("records")
    ]
    number = pd.Series(range(len(images)), index=used["image_id"].to_numpy(), dtype="int64")
    positive = rows[rows["label"] == POSITIVE]
    negative = rows[rows["label"] == NEGATIVE]
    _need_both_classes(len(positive), len(negative), images=len(train), outlined=outlined)
    by_lesion = dict(list(positive.groupby(["image_id", "finding_id"], sort=True)))
    lesions = [
        Lesion(int(number[image_id]), group["row"].to_numpy(float), group["col"].to_numpy(float))
        for (image_id, _), group in by_lesion.items()
    ]
    groups = {}
    source = used.set_index("image_id")["dataset"]
    if balance == "kinds":
        kind = {(i, o.finding_id): o.kind for i, found in outlines.items() for o in found}
        groups["lesion_groups"] = _groups([kind[lesion] for lesion in by_lesion])
    elif balance == "sets":
        groups["lesion_groups"] = _groups([source[image_id] for image_id, _ in by_lesion])
        groups["negative_groups"] = _groups(source[negative["image_id"]])
    return Corpus(
        **groups,
        images=images,
        lesions=lesions,
        negative_image=number[negative["image_id"]].to_numpy(np.int64),
        negative_row=negative["row"].to_numpy(np.float32),
        negative_col=negative["col"].to_numpy(np.float32),
        **_mined(mined, number),
    )


def _groups(names: Sequence[str]) -> list[np.ndarray]:
    """Indices of each name, the names sorted."""
    indices = pd.Series(names).reset_index(drop=True).groupby(list(names)).indices
    return [indices[name] for name in sorted(indices)]


def _mined(mined: pd.DataFrame | None, number: pd.Series) -> dict[str, np.ndarray]:
    if mined is None:
        return {}
    known = mined[mined["image_id"].isin(number.index)]
    return {
        "mined_image": number[known["image_id"]].to_numpy(np.int64),
        "mined_row": known["row"].to_numpy(np.float32),
        "mined_col": known["col"].to_numpy(np.float32),
    }


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


def _training_image(
    row: Mapping, outlines: Sequence[Outline], labels: LabelSettings, kinds: tuple[str, ...]
) -> TrainingImage:
    geometry = geometry_of(row)
    return TrainingImage(
        image_id=row["image_id"],
        store=row["store"],
        height=geometry.height,
        width=geometry.width,
        outlines=standard_outlines(outlines, geometry),
        rule=LabelRule.from_settings(labels, geometry.spacing_mm),
        unlocated=bool(row["unlocated"]),
        kinds=kinds,
    )


def kinds_of_findings(mammograms: pd.DataFrame, outlines: Outlines) -> tuple[str, ...]:
    """Kinds of the findings of the training patients that count, sorted.

    Raises:
        UserError: there are more than a target can hold.
    """
    train = mammograms.loc[mammograms["split"] == "train", "image_id"]
    kinds = {o.kind for image in train for o in outlines.get(image, ()) if o.positive}
    if len(kinds) > MAX_KINDS:
        raise UserError(
            f"network.head tells at most {MAX_KINDS} kinds of findings apart, the training "
            f"patients have {len(kinds)}: {', '.join(sorted(kinds))}. Choose with labels.kinds."
        )
    return tuple(sorted(kinds))


def _need_both_classes(positives: int, negatives: int, *, images: int, outlined: int) -> None:
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
