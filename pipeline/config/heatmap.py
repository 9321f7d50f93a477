"""Settings of the heatmap stage."""

from pydantic import Field

from pipeline.config.section import Section


class HeatmapSettings(Section):
    """What the heatmap stage does with a model's maps."""

    tile_px: int = Field(
        2048,
        ge=256,
        description="tiles of larger images, without their halo, in pixels; less needs less memory "
        "and more time",
    )
    prior: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="share of abnormal positions that the probabilities assume; if absent the one "
        "that was counted for the model",
    )
    min_region_mm2: float = Field(10.0, ge=0, description="smaller regions are dropped, in mm²")
    uncertainty: bool = Field(
        True,
        description="also draw how far mirrored copies and members of an ensemble differ, where "
        "there are several",
    )
