"""How the maps of a model are made from its network's logits and searched: the same everywhere."""

import math
from dataclasses import dataclass, replace

from pipeline.config import ImageSettings, LabelSettings, MapSettings
from pipeline.run.errors import UserError


@dataclass(frozen=True)
class MapRule:
    """The map settings of a model in the pixels and positions of its maps."""

    # pitch_px, pitch_mm: distance between positions of the map, in standard pixels and in mm
    pitch_px: int
    pitch_mm: float
    label_step: int  # distance between positions of the patch table, in positions of the map
    # standard deviation of the Gaussian by which a candidate lowers the map around it, in positions
    # of the map
    suppression_cells: float
    suppression_logits: float  # how much it lowers the logit where it lies itself
    max_candidates: int  # of one map
    # flips, zooms: mirrored and enlarged copies whose mean a map is
    flips: int = 1
    zooms: tuple[float, ...] = (1.0,)
    # of the Gaussian mean that a map is smoothed by, in positions of the map
    smooth_cells: float = 0.0
    # of what a mammogram's level differs by from `level`, taken off its map
    level_share: float = 0.0
    level: float = 0.0  # `map_level` of a usual mammogram

    @classmethod
    def from_settings(
        cls,
        maps: MapSettings,
        image: ImageSettings,
        labels: LabelSettings,
        *,
        stride_px: int,
        level: float = 0.0,
    ) -> "MapRule":
        """The rule for a network whose cells are `stride_px` apart.

        Raises:
            UserError: the network has no logit at the positions of the patch table.
        """
        spacing_mm = image.spacing_mm
        label_pitch_px = labels.pitch_px(spacing_mm=spacing_mm)
        pitch_px = map_pitch_px(
            pitch_mm=maps.pitch_mm,
            spacing_mm=spacing_mm,
            stride_px=stride_px,
            label_pitch_px=label_pitch_px,
        )
        pitch_mm = pitch_px * spacing_mm
        return cls(
            pitch_px=pitch_px,
            pitch_mm=pitch_mm,
            label_step=label_pitch_px // pitch_px,
            suppression_cells=maps.suppression_mm / pitch_mm,
            suppression_logits=maps.suppression_logits,
            max_candidates=maps.max_candidates,
            flips=maps.flips,
            zooms=maps.zooms,
            smooth_cells=maps.smooth_mm / pitch_mm,
            level_share=maps.level_share,
            level=level,
        )

    @property
    def work(self) -> float:
        """How much longer a map takes than one without mirrored and enlarged copies."""
        return self.flips * sum(zoom**2 for zoom in self.zooms)

    def of_one_copy(self) -> "MapRule":
        """The rule without mirrored and enlarged copies, which is quicker."""
        return replace(self, flips=1, zooms=(1.0,))

    def at_own_level(self) -> "MapRule":
        """The rule that leaves each map its own level."""
        return replace(self, level_share=0.0)


def map_pitch_px(*, pitch_mm: float, spacing_mm: float, stride_px: int, label_pitch_px: int) -> int:
    """Distance between positions of the map, in standard pixels.

    The largest multiple of the network's stride that is not above `pitch_mm` and divides the
    pitch of the patch table, so that the table's positions are positions of the map as well.

    Raises:
        UserError: no such distance exists.
    """
    limit_px = math.floor(pitch_mm / spacing_mm + 1e-6)
    fitting = [px for px in range(stride_px, limit_px + 1, stride_px) if label_pitch_px % px == 0]
    if fitting:
        return fitting[-1]
    if limit_px < stride_px:
        raise UserError(
            f"maps.pitch_mm must be at least {stride_px * spacing_mm:g} mm, the step of this "
            f"network ({stride_px} pixels of {spacing_mm:g} mm), not {pitch_mm:g}."
        )
    raise UserError(
        f"Labelled positions are {label_pitch_px} pixels apart (labels.pitch_mm), no multiple "
        f"of the network's step of {stride_px} pixels. Train with another labels.pitch_mm, "
        f"e.g. {stride_px * round(label_pitch_px / stride_px) * spacing_mm:g}."
    )
