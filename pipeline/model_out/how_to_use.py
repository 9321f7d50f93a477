"""What has to be done before and after an exported network, in numbers: export.json."""

from typing import TYPE_CHECKING, Any

from pipeline.model.card import ModelCard
from pipeline.preprocess.store.entries import WHITE

if TYPE_CHECKING:
    from models.network import PatchNetwork

PROBABILITY = "1 / (1 + exp(-min(bent(logit) / temperature + shift, highest_logit)))"
BENT = (
    "s = log(1 + exp(-abs(z))) - log(2); "
    "bent(z) = bend * (min(z, 0) - s) + (max(z, 0) + s) / bend; that is z where bend is 1"
)


def how_to_use(card: ModelCard, network: "PatchNetwork") -> dict[str, Any]:
    """Input, padding, output, map and calibration of an exported network, as JSON has them."""
    from models.dense import edge_px

    rule, calibration = card.map_rule(stride_px=network.stride_px), card.calibration
    highest = calibration.highest_logit
    edge = edge_px(network)
    return {
        "weights_sha256": card.sha256,
        "input": {
            "name": "image",
            "type": "float32, (1, rows, columns, 1)",
            "pixels": f"the standard image of pipeline/preprocess, {WHITE} as 1: dense tissue "
            "bright, chest wall on the left, 0 beyond the breast",
            "spacing_mm": card.image.spacing_mm,
            "patch_px": network.spec.patch_px,
            "tile_px": network.tile_px or None,
        },
        "padding": {
            "mode": "reflection, the pixel at the edge not repeated",
            "before_px": edge,
            "after_px": edge,
            "first_after_to_a_multiple_of_px": rule.pitch_px,
        },
        "output": {
            "type": "float32, (1, rows, columns)",
            "value": "logit of a window of patch_px, before the calibration",
            "stride_px": network.stride_px,
            "margin_cells": network.margin_cells,
        },
        "map": {
            "pitch_px": rule.pitch_px,
            "mean_over_flips": rule.flips,
            "mean_over_zooms": list(rule.zooms),
            "smooth_cells": rule.smooth_cells,
            "level_share": rule.level_share,
            "level": rule.level,
        },
        "calibration": {
            "probability": PROBABILITY,
            "bent": BENT,
            "bend": calibration.bend,
            "temperature": calibration.temperature,
            "shift": calibration.shift,
            "highest_logit": highest if highest < float("inf") else None,
            "natural_prior": calibration.natural_prior,
        },
        "region_threshold": card.region_threshold,
    }
