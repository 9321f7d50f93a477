"""Whether a network can be trained with these settings: asked before preprocess takes its hours.

Networks ask the same when they are built; tests/model/test_network_fit.py holds the two together.
"""

from pathlib import Path

from pipeline.config import NetworkSettings, Settings
from pipeline.config.backbones import APPLICATIONS
from pipeline.model.crop_shape import fitting_shape
from pipeline.model.map_rule import map_pitch_px
from pipeline.run.errors import UserError

STRIDE_PX, MARGIN_CELLS = 16, 3  # of all backbones but valid
# Squeezed means of the whole image go into each logit of these, so their tiles have one size.
SEES_EVERYTHING, TILE_PATCHES = ("EfficientNet", "MobileNetV3"), 4
_LEAST_PX, _LARGEST_STRIDE_PX = 32, 32  # of valid


def check_network(settings: Settings) -> None:
    """Compare the settings of the network, its crops and its maps with the pixel spacing, and look
    for what a training begins with.

    Raises:
        UserError: they do not go together, says what does; or a file is not there.
    """
    network, train, spacing_mm = settings.network, settings.train, settings.image.spacing_mm
    _check_weights(network)
    for name, path in (("init", train.init), ("mined", train.mined)):
        if path and not path.exists():
            raise UserError(f"train.{name}={path} does not exist.")
    if train.permute_labels and network.head.endswith("_kinds"):
        raise UserError(
            "train.permute_labels goes with a network.head of one question, sigmoid or "
            "softmax: permuted positions have no kind of finding."
        )
    if network.head_start == "softmax" and network.head.endswith("_kinds"):
        raise UserError("network.head_start=softmax is for a network.head of sigmoid or softmax.")
    patch_px = network.patch_px(spacing_mm=spacing_mm)
    stride_px = _stride_px(network, patch_px, spacing_mm)
    if network.backbone != "valid":
        _check_core(network, patch_px // stride_px, stride_px, spacing_mm)
    sees_everything = network.backbone.startswith(SEES_EVERYTHING)
    if sees_everything and patch_px < 2 * stride_px:
        raise UserError(
            f"network.patch_mm must be at least {2 * stride_px * spacing_mm:g} for backbone "
            f"{network.backbone}, not {network.patch_mm:g}."
        )
    fitting_shape(
        train.crop_mm,
        spacing_mm=spacing_mm,
        patch_px=patch_px,
        stride_px=stride_px,
        margin_cells=0 if network.backbone == "valid" else MARGIN_CELLS,
        tile_px=TILE_PATCHES * patch_px if sees_everything else 0,
    )
    map_pitch_px(
        pitch_mm=settings.maps.pitch_mm,
        spacing_mm=spacing_mm,
        stride_px=stride_px,
        label_pitch_px=settings.labels.pitch_px(spacing_mm=spacing_mm),
    )


def _check_weights(network: NetworkSettings) -> None:
    backbone, weights = network.backbone, network.weights
    if weights not in ("none", "imagenet") and not Path(weights).is_file():
        raise UserError(f"network.weights={weights} does not exist.")
    if backbone == "valid" and weights != "none":
        raise UserError(f"network.weights={weights} needs another network.backbone than valid.")
    if weights not in ("none", "imagenet") and backbone not in APPLICATIONS:
        raise UserError(
            f"network.weights of backbone {backbone} must be none or imagenet, not {weights}: "
            "files of weights are for networks of keras.applications."
        )


def _stride_px(network: NetworkSettings, patch_px: int, spacing_mm: float) -> int:
    """Distance between the logits of the network."""
    if network.backbone == "valid":
        if patch_px < _LEAST_PX:
            raise UserError(
                f"network.patch_mm must be at least {_LEAST_PX * spacing_mm:g} for backbone valid, "
                f"{_LEAST_PX} pixels of {spacing_mm:g} mm, not {network.patch_mm:g}."
            )
        return min(_LARGEST_STRIDE_PX, 1 << ((patch_px // 8).bit_length() - 1))
    if patch_px < STRIDE_PX or patch_px % STRIDE_PX:
        below = max(1, patch_px // STRIDE_PX)
        near = [f"{cells * STRIDE_PX * spacing_mm:g}" for cells in (below, below + 1)]
        raise UserError(
            f"network.patch_mm={network.patch_mm:g} is {patch_px} pixels of {spacing_mm:g} mm, and "
            f"backbone {network.backbone} takes multiples of {STRIDE_PX}: {near[0]} or {near[1]} "
            "are near, or another image.spacing_mm."
        )
    return STRIDE_PX


def _check_core(network: NetworkSettings, cells: int, stride_px: int, spacing_mm: float) -> None:
    """Args: cells, stride_px: of the whole window, along a side."""
    core = round(network.core_px(spacing_mm=spacing_mm) / stride_px)
    fitting = [n for n in range(1, cells) if (cells - n) % 2 == 0]
    if network.core_mm and core not in fitting:
        sizes = ", ".join(f"{n * stride_px * spacing_mm:g}" for n in fitting)
        raise UserError(
            f"network.core_mm={network.core_mm:g} does not lie in the middle of the window of "
            f"{network.patch_mm:g} mm: {f'take one of {sizes}, or ' if sizes else 'take '}0."
        )
