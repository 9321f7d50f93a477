"""Settings of the heatmap stage."""

from typing import Literal

from pydantic import Field

from pipeline.config.section import Section


class HeatmapSettings(Section):
    """The map of each mammogram, its candidates and its regions."""

    pitch_mm: float = Field(
        1.6, gt=0, le=3.2, description="largest distance between positions of the map, in mm"
    )
    flips: Literal[1, 2, 4] = Field(
        1, description="mean logit over so many mirrored copies (1: the image as it is)"
    )
    tile_px: int = Field(
        2048, ge=256, description="tiles of larger images, without their halo, in pixels"
    )
    candidate_distance_mm: float = Field(
        8.0, gt=0, description="smallest distance between two candidates, in mm"
    )
    max_candidates: int = Field(40, ge=1, description="candidates kept per image, best first")
    min_region_mm2: float = Field(10.0, ge=0, description="smaller regions are dropped, in mm2")
