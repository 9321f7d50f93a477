"""Which crop belongs to which index: a pure function of (seed, index)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.run.errors import UserError
from pipeline.train.data.corpus import Corpus


@dataclass(frozen=True)
class CropShape:
    """A crop and the logits that a network gives for it."""

    cells: int  # logits along one side
    patch_px: int  # window that a logit sees
    stride_px: int  # distance between logits
    margin_cells: int  # logits nearer than this to the crop's edge are not trained on

    @property
    def size_px(self) -> int:
        """Side of the crop."""
        return self.patch_px + (self.cells - 1) * self.stride_px

    @property
    def reach_px(self) -> float:
        """From the centre of the crop to the outermost logit that is trained on."""
        return ((self.cells - 1) / 2 - self.margin_cells) * self.stride_px

    @property
    def centres(self) -> np.ndarray:
        """Coordinates of the logits in the crop, the same for rows and columns: (cells,)."""
        return np.arange(self.cells) * float(self.stride_px) + self.patch_px / 2 - 0.5


def fitting_shape(
    crop_mm: float,
    *,
    spacing_mm: float,
    patch_px: int,
    stride_px: int,
    margin_cells: int,
    tile_px: int = 0,
) -> CropShape:
    """The crop nearest to `crop_mm` that the network covers exactly.

    Args:
        tile_px: the only size that the network is meant for; 0 if there is none.

    Raises:
        UserError: no logit of such a crop could be trained on, or the network is meant for
            another size.
    """
    cells = round((crop_mm / spacing_mm - patch_px) / stride_px) + 1
    least = 2 * margin_cells + 1
    if cells < least:
        needed_mm = (patch_px + (least - 1) * stride_px) * spacing_mm
        raise UserError(
            f"train.crop_mm must be at least {needed_mm:.1f} for this network, not {crop_mm}: "
            "nearer to the edge of a crop its logits are not trained on."
        )
    shape = CropShape(cells, patch_px, stride_px, margin_cells)
    if tile_px not in (0, shape.size_px):
        raise UserError(
            f"train.crop_mm must be {tile_px * spacing_mm:g} for this network.backbone and "
            f"network.patch_mm, not {crop_mm:g}: each logit depends on the whole crop, and maps "
            "are made of tiles of that size."
        )
    return shape


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
