"""Maps of the mammograms that validate: logits of the patch table, and candidates of each map."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd

from pipeline.annotations.geometry import Geometry, geometry_of
from pipeline.annotations.labels import IGNORED, NEGATIVE, POSITIVE, LabelRule
from pipeline.annotations.outlines import Outline, Outlines, standard_outlines
from pipeline.config import LabelSettings
from pipeline.figures.figure import Undefined
from pipeline.figures.froc import (
    Matches,
    collect,
    match_image,
    mean_sensitivity,
    median_rank,
    share_with_candidate,
)
from pipeline.figures.ranking import roc_auc
from pipeline.model.candidates import find_candidates
from pipeline.model.image_map import Mapper, map_entry
from pipeline.model.map_grid import breast_positions, map_level
from pipeline.model.map_rule import MapRule
from pipeline.preprocess.positions import position_grid
from pipeline.preprocess.store.entries import read_breast

_SEARCH_FIGURES: dict[str, Callable[[Matches], float]] = {
    "validation_froc": mean_sensitivity,
    "validation_lesions_with_candidate": share_with_candidate,
    "validation_median_rank": median_rank,
}


@dataclass(frozen=True, eq=False, kw_only=True)
class OutlinedImage:
    """A mammogram of the store with its outlines."""

    image_id: str
    patient_id: str
    # laterality, view: as mammograms.csv has them
    laterality: str
    view: str
    store: str
    geometry: Geometry
    outlines: Sequence[Outline]  # in standard pixels
    rule: LabelRule
    # something abnormal may be outside the outlines: no false alarm can be told there
    unlocated: bool

    @property
    def height(self) -> int:
        """Of the standard image, in pixels."""
        return self.geometry.height

    @property
    def width(self) -> int:
        """Of the standard image, in pixels."""
        return self.geometry.width

    @classmethod
    def of_row(
        cls, row: Mapping, outlines: Outlines, settings: LabelSettings, /, **own: Any
    ) -> Self:
        """The image of a row of mammograms.csv.

        Args:
            outlines: of all images, in original pixels.
            own: what a kind of image has besides.
        """
        geometry = geometry_of(row)
        return cls(
            image_id=row["image_id"],
            patient_id=row["patient_id"],
            laterality=row["laterality"],
            view=row["view"],
            store=row["store"],
            geometry=geometry,
            outlines=standard_outlines(outlines.get(row["image_id"], ()), geometry),
            rule=LabelRule.from_settings(settings, geometry.spacing_mm),
            unlocated=bool(row["unlocated"]),
            **own,
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class ValidationImage(OutlinedImage):
    """A validation mammogram and its rows of the patch table."""

    # row_index, col_index, labels: (n,) each, positions that are positive or negative
    row_index: np.ndarray
    col_index: np.ndarray
    labels: np.ndarray
    # (n,) object, the id of the finding that makes each positive, "" of negative ones
    findings: np.ndarray


@dataclass(frozen=True, eq=False)
class MappedImage:
    """A validation mammogram with its map."""

    image: ValidationImage
    logit: np.ndarray  # (h, w) float32, before the calibration, NaN away from the breast
    # (h, w) float32, standard deviation of the logit over mirrored and enlarged copies, NaN away
    # from the breast; None with one copy
    spread: np.ndarray | None = None

    @property
    def level(self) -> float:
        """`map_level` of the map."""
        return map_level(self.logit, np.isfinite(self.logit))


@dataclass(frozen=True, eq=False)
class ImageScores:
    """What the validation keeps of a map."""

    logits: np.ndarray  # (n,) float32, at the positions of the image in their order
    # (m,) float32, lowered logits of the candidates outside all outlines, falling
    false_alarms: np.ndarray
    # (k,) float32, lowered logit of the best candidate in each outline that counts, -inf where
    # there is none
    lesions: np.ndarray


def read_validation(
    mammograms: pd.DataFrame,
    outlines: Outlines,
    positions: pd.DataFrame,
    *,
    labels: LabelSettings,
) -> list[ValidationImage]:
    """The validation split of the tables of preprocess, in the order of mammograms.csv."""
    known = positions[(positions["split"] == "validation") & (positions["label"] != IGNORED)]
    rows_of = dict(list(known.groupby("image_id")))
    none = known.iloc[:0]
    images = []
    for row in mammograms[mammograms["split"] == "validation"].to_dict("records"):
        rows = rows_of.get(row["image_id"], none)
        own = {
            "row_index": rows["row_index"].to_numpy(np.int64),
            "col_index": rows["col_index"].to_numpy(np.int64),
            "labels": rows["label"].to_numpy(np.int8),
            "findings": rows["finding_id"].to_numpy(object),
        }
        images.append(ValidationImage.of_row(row, outlines, labels, **own))
    return images


def map_image(mapper: Mapper, image: ValidationImage, rule: MapRule) -> MappedImage:
    """The map of one image at its own level; `at_one_level` comes after all images."""
    return MappedImage(image, *map_entry(image.store, mapper, rule.at_own_level()))


def in_breast(mapped: MappedImage, rule: MapRule) -> np.ndarray:
    """Logits of a map where candidates can be, NaN elsewhere, (h, w) float32."""
    image = mapped.image
    inside = breast_positions(
        read_breast(image.store), height=image.height, width=image.width, pitch_px=rule.pitch_px
    )
    return np.where(inside, mapped.logit, np.float32(np.nan))


def score_map(mapped: MappedImage, rule: MapRule) -> ImageScores:
    """Scores of a map."""
    image, logits = mapped.image, mapped.logit
    rows, cols = position_grid(image.height, image.width, rule.pitch_px)
    found = find_candidates(in_breast(mapped, rule), rule)
    places = rows[found.rows], cols[found.cols]
    of_outline = [image.rule.hits(outline, *places) for outline in image.outlines]
    hits = np.array(of_outline, bool).reshape(len(of_outline), len(found.rows)).T
    counts = np.array([outline.positive for outline in image.outlines], bool)
    # Findings that do not count as abnormal are no alarms either: nothing is known there.
    lesions, alarms = match_image(
        found.lowered_logits, hits[:, counts], neutral=hits[:, ~counts].any(axis=1)
    )
    at_table = logits[image.row_index * rule.label_step, image.col_index * rule.label_step]
    return ImageScores(
        logits=at_table.astype(np.float32),
        false_alarms=np.zeros(0, np.float32) if image.unlocated else alarms.astype(np.float32),
        lesions=lesions.astype(np.float32),
    )


def at_one_level(
    groups: Sequence[Sequence[MappedImage]], *, share: float
) -> tuple[list[MappedImage], float]:
    """Take that share of each map's level off it, relative to what is usual for its network.

    What maps usually lie at is a network's own: relative to all networks together, a map would be
    lowered for the network that made it.

    Args:
        groups: the maps that each network made.

    Returns:
        The maps of all networks, and the level that is usual for the mean of the networks, which
        maps of other mammograms are brought to.
    """
    finished, usual = [], []
    for maps in groups:
        levels = np.array([mapped.level for mapped in maps])
        usual.append(float(np.nanmean(levels)) if np.isfinite(levels).any() else 0.0)
        off = np.float32(share) * np.nan_to_num(levels - usual[-1]).astype(np.float32)
        finished += [replace(m, logit=m.logit - by) for m, by in zip(maps, off, strict=True)]
    return finished, float(np.mean(usual))


def join_labels(images: Sequence[ValidationImage]) -> np.ndarray:
    """Labels of all positions, image by image."""
    return np.concatenate([np.zeros(0, np.int8), *[image.labels for image in images]])


def join_findings(images: Sequence[ValidationImage]) -> np.ndarray:
    """What makes each position positive, image by image: one id for each finding of all images."""
    findings = [image.image_id + "/" + image.findings for image in images]
    return np.concatenate([np.zeros(0, object), *findings])


def join_logits(scores: Sequence[ImageScores]) -> np.ndarray:
    """Logits of all positions, image by image."""
    return np.concatenate([np.zeros(0, np.float32), *[s.logits for s in scores]])


def validation_auc(labels: np.ndarray, logits: np.ndarray) -> float | None:
    """Rank statistic of the patch table's positions; None where a class is missing."""
    return roc_auc(labels, logits) if len(np.unique(labels)) == 2 else None


def validation_loss(labels: np.ndarray, logits: np.ndarray) -> float | None:
    """The balanced loss of the training, here over all positions; None without positions."""
    z = logits.astype(np.float64)
    losses = np.logaddexp(0.0, z) - labels * z
    halves = [losses[labels == c] for c in (POSITIVE, NEGATIVE)]
    present = [half.mean() for half in halves if len(half)]
    return float(0.5 * sum(present)) if present else None


def validation_matches(
    images: Sequence[OutlinedImage], scores: Sequence[ImageScores]
) -> tuple[Matches, np.ndarray]:
    """Candidates of all images by their lowered logits, and which image each index means.

    Returns:
        The matches, and for each of their images its index in `images`, int.

    Raises:
        Undefined: no image is fully outlined.
    """
    unlocated = np.array([image.unlocated for image in images], bool)
    order = np.argsort(unlocated, kind="stable")
    matched = [(scores[i].lesions, scores[i].false_alarms) for i in order]
    return collect(matched, fully_outlined=int(np.sum(~unlocated))), order


def search_figures(matches: Matches) -> dict[str, float | None]:
    """How lesions are found, under the names that a card has for it; None: undefined."""
    figures: dict[str, float | None] = {}
    for name, of in _SEARCH_FIGURES.items():
        try:
            figures[name] = of(matches)
        except Undefined:
            figures[name] = None
    return figures


def validation_figures(
    images: Sequence[ValidationImage], scores: Sequence[ImageScores]
) -> dict[str, float | None]:
    """AUC and loss of the positions, and figures of the search, under the names of a card."""
    labels, logits = join_labels(images), join_logits(scores)
    try:
        search = search_figures(validation_matches(images, scores)[0])
    except Undefined:
        search = dict.fromkeys(_SEARCH_FIGURES)
    return {
        "validation_auc": validation_auc(labels, logits),
        "validation_loss": validation_loss(labels, logits),
        **search,
    }
