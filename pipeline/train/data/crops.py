"""Which crop belongs to which index: a pure function of (seed, index)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.model.crop_shape import CropShape
from pipeline.train.data.corpus import Corpus


@dataclass(frozen=True)
class Placement:
    """Where a crop is cut: image, centre in standard pixels, and the seed of its augmentation."""

    image: int
    row: float
    col: float
    seed: int


def place_crop(
    corpus: Corpus,
    shape: CropShape,
    index: int,
    *,
    seed: int,
    positive_share: float,
    zoom: float,
    mined_share: float = 0.0,
) -> Placement:
    """Choose crop number `index` of the training.

    A positive crop takes a group of lesions (see Corpus), a lesion of it (each alike, whatever
    its area), one of its positions, and a centre such that the position lies anywhere in a disc
    of the trained part of the crop, whichever way the crop is rotated afterwards. The others are
    centred near any negative position, of normal and abnormal mammograms alike.

    Args:
        zoom: largest factor by which the augmentation moves points apart.
        mined_share: share of the other crops that are centred near a mined false alarm.
    """
    rng = np.random.default_rng([seed, index])
    if rng.random() < positive_share:
        drawn = corpus.lesions[_drawn(rng, corpus.lesion_groups, len(corpus.lesions))]
        at = _drawn(rng, (), len(drawn))
        distance = shape.reach_px / zoom * math.sqrt(rng.random())
        angle = 2 * math.pi * rng.random()
        shift = distance * math.sin(angle), distance * math.cos(angle)
    else:
        is_mined = mined_share > 0 and len(corpus.mined) > 0 and rng.random() < mined_share
        drawn = corpus.mined if is_mined else corpus.negatives
        at = _drawn(rng, () if is_mined else corpus.negative_groups, len(drawn))
        shift = tuple(rng.uniform(-0.5, 0.5, 2) * shape.stride_px)
    row, col = float(drawn.row[at] + shift[0]), float(drawn.col[at] + shift[1])
    return Placement(int(drawn.image[at]), row, col, int(rng.integers(2**63)))


def _drawn(rng: np.random.Generator, groups: Sequence[np.ndarray], count: int) -> int:
    """An index below `count`: each group alike, and in it each index; without groups each index."""
    if not groups:
        return int(rng.integers(count))
    group = groups[int(rng.integers(len(groups)))]
    return int(group[rng.integers(len(group))])


def window_start(centre: float, size: int) -> int:
    """First pixel of a window of `size` pixels whose centre is nearest to `centre`."""
    return round(centre - (size - 1) / 2)
