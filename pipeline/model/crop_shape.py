"""The size of a training crop: what a network covers exactly, and which logits count."""

from dataclasses import dataclass

import numpy as np

from pipeline.run.errors import UserError


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
