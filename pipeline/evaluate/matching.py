"""Candidates and regions against the outlines: which lesions are found, which alarms are false."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from pipeline.annotations.geometry import geometry_of
from pipeline.annotations.labels import LabelRule
from pipeline.annotations.outlines import Outline
from pipeline.evaluate.load import ABNORMAL, Judged, has_known_truth
from pipeline.figures.bootstrap import Searched
from pipeline.figures.froc import collect, false_alarms, match_image

MIN_IOU = 0.2

# (candidates or regions of an image, its row, an outline) -> which lie inside, bool (n,)
Inside = Callable[[pd.DataFrame, Mapping, Outline], np.ndarray]


@dataclass(frozen=True, eq=False)
class Matched(Searched):
    """The FROC input: images with known truth, then the others that have an outlined lesion.

    Lesions are of all these images, false alarms of those with known truth.
    """

    images: pd.DataFrame  # rows of the images, in the order of the indices in `matches`
    alarms: np.ndarray  # row of each false alarm in the table of candidates or regions, (F,) int
    lesions: list[Outline]  # outline of each lesion in original pixels, L of them


@lru_cache(maxsize=1)  # many figures rest on it
def match_candidates(judged: Judged) -> Matched:
    """Candidates by the rule of the point inside the lesion.

    Raises:
        Undefined: no image has a known truth.
    """

    def inside(table: pd.DataFrame, image: Mapping, outline: Outline) -> np.ndarray:
        geometry = geometry_of(image)
        rows, cols = geometry.to_standard(table["row"].to_numpy(), table["col"].to_numpy())
        rule = LabelRule.from_settings(judged.card.labels, geometry.spacing_mm)
        return rule.hits(outline.to_standard(geometry), rows, cols)

    return _match(judged, judged.candidates, inside)


def match_regions(judged: Judged) -> Matched:
    """Regions by the rule of boxes: intersection over union of at least 0.2.

    Raises:
        Undefined: no image has a known truth.
    """

    def inside(table: pd.DataFrame, image: Mapping, outline: Outline) -> np.ndarray:
        # The box of a region is a slice: its edges lie half a pixel before these indices.
        boxes = table[["row0", "col0", "row1", "col1"]].to_numpy(dtype=np.float64) - 0.5
        return box_iou(boxes, outline.bounds) >= MIN_IOU

    return _match(judged, judged.regions, inside)


def told_hits(judged: Judged, table: pd.DataFrame) -> pd.DataFrame:
    """The candidates or regions of which it is known whether they hit, with a `label`.

    1: the point, of a region its peak, lies in a finding that counts; 0: it lies in none, on an
    image on which a false alarm is known to be one. The others are left out.
    """
    counting = {
        (image, outline.finding_id)
        for image, outlines in judged.outlines.items()
        for outline in outlines
        if outline.positive
    }
    pairs = zip(table["image_id"], table["finding_id"], strict=True)
    label = np.array([pair in counting for pair in pairs], dtype=np.int64)
    known = judged.images.loc[has_known_truth(judged.images), "image_id"]
    misses = (table["finding_id"] == "") & table["image_id"].isin(known)
    return table.assign(label=label)[misses | (label == 1)]


def box_iou(boxes: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray:
    """Intersection over union of boxes (n, 4) with one box, as (row0, col0, row1, col1)."""
    height = np.minimum(boxes[:, 2], box[2]) - np.maximum(boxes[:, 0], box[0])
    width = np.minimum(boxes[:, 3], box[3]) - np.maximum(boxes[:, 1], box[1])
    common = np.clip(height, 0, None) * np.clip(width, 0, None)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    union = areas + (box[2] - box[0]) * (box[3] - box[1]) - common
    return np.divide(common, union, out=np.zeros(len(boxes)), where=union > 0)


def _match(judged: Judged, table: pd.DataFrame, inside: Inside) -> Matched:
    known = has_known_truth(judged.images)
    with_lesion = ((judged.images["truth"] == ABNORMAL) & judged.images["outlined"]).to_numpy()
    order = np.concatenate([np.flatnonzero(known), np.flatnonzero(with_lesion & ~known)])
    images = judged.images.iloc[order].reset_index(drop=True)
    by_image = dict(iter(table.groupby("image_id")))
    matched, alarms, lesions = [], [], []
    for image in images.to_dict("records"):
        outlines = judged.outlines[image["image_id"]]
        rows = by_image.get(image["image_id"], table.iloc[:0])
        counts = np.array([outline.positive for outline in outlines], dtype=bool)
        hits = np.zeros((len(rows), len(outlines)), dtype=bool)
        for number, outline in enumerate(outlines):
            hits[:, number] = inside(rows, image, outline)
        neutral = hits[:, ~counts].any(axis=1)
        scores = rows["score"].to_numpy(dtype=np.float64)
        matched.append(match_image(scores, hits[:, counts], neutral=neutral))
        alarms.append(rows.index[false_alarms(hits[:, counts], neutral)])
        lesions += [outline for outline in outlines if outline.positive]
    matches = collect(matched, fully_outlined=int(known.sum()))
    false = np.concatenate(alarms[: matches.images]).astype(np.int64)
    return Matched(matches, judged.patient_index(images["patient_id"]), images, false, lesions)
