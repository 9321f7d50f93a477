"""Settings of the maps: how the network is applied to a whole mammogram."""

from typing import Annotated, Literal

from pydantic import Field

from pipeline.config.section import Section


class MapSettings(Section):
    """Part of the model: its calibration and its threshold are fitted on such maps."""

    pitch_mm: float = Field(
        1.6, gt=0, le=3.2, description="largest distance between positions of the map, in mm"
    )
    flips: Literal[1, 2, 4] = Field(
        1, description="mean logit over so many mirrored copies (1: the image as it is)"
    )
    zooms: tuple[Annotated[float, Field(ge=0.5, le=2)], ...] = Field(
        (1.0,),
        min_length=1,
        max_length=9,
        description="mean logit over copies of the mammogram enlarged by so much, a list "
        "of 0.5 to 2; lesions of other sizes than those of the training gain, a map takes as much "
        "longer",
    )
    smooth_mm: float = Field(
        0.0,
        ge=0,
        description="standard deviation of the Gaussian mean that a map's logits are smoothed by",
    )
    level_share: float = Field(
        0.0,
        ge=0,
        le=1,
        description="share of what a mammogram's level (twice the 40th percentile of its "
        "logits less the 10th) differs by from that of the validation mammograms that "
        "is taken off its map: logits of one mammogram err together",
    )
    suppression_mm: float = Field(
        10.0,
        gt=0,
        description="standard deviation in mm of the Gaussian by which a candidate lowers the map "
        "around it before the next highest place is taken",
    )
    suppression_logits: float = Field(
        4.0, ge=0, description="how much it lowers the logit where it lies itself"
    )
    max_candidates: int = Field(60, ge=1, description="candidates kept per image, best first")
