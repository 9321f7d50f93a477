"""Where the cells of the layers of a Keras graph lie on the image, and what they see of it.

Along one axis, for images whose size is a multiple of the largest stride that is asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import keras

_CONVOLUTIONS = (
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
)
_POOLINGS = (keras.layers.MaxPooling2D, keras.layers.AveragePooling2D)
_GLOBAL = (keras.layers.GlobalAveragePooling2D, keras.layers.GlobalMaxPooling2D)


@dataclass(frozen=True)
class GraphField:
    """Cell i depends on the pixels [first_px + i stride_px, last_px + i stride_px].

    Attributes:
        stride_px: distance between cells.
        extra: an image of n strides has n + extra cells.
        first_px, last_px: pixels that cell 0 sees, whatever the weights.
        middle_px: the middle of cell 0. Where a convolution pads one row more after the map than
            before it, half a row counts as before it: trained kernels lean that way (Alsallakh
            et al. 2021, arXiv:2010.02178; for EfficientNet-Lite0 see efficientnet_lite0).
        everywhere: a mean over the whole map is mixed in, so every pixel matters a little.
    """

    stride_px: int = 1
    extra: int = 0
    first_px: int = 0
    last_px: int = 0
    middle_px: float = 0.0
    everywhere: bool = False


def field_after(layer, inputs: Sequence[GraphField | None], *, axis: int) -> GraphField | None:
    """The field of a layer's result.

    Args:
        layer: Keras layer or operation; what is no window, no padding and no mean over the map
            is taken to work on each cell alone.
        inputs: fields of what it reads; None stands for a value without positions.
        axis: 0 for rows, 1 for columns.

    Returns:
        None for the mean over a map and what is computed from such means alone.

    Raises:
        ValueError: it joins maps of different sizes.
    """
    if isinstance(layer, _GLOBAL):
        return None
    maps = [field for field in inputs if field is not None]
    if not maps:
        return None
    field = _joined(layer, maps)
    if len(maps) < len(inputs):
        return replace(field, everywhere=True)
    if isinstance(layer, keras.layers.ZeroPadding2D):
        return _padded(field, *layer.padding[axis])
    if isinstance(layer, _CONVOLUTIONS):
        size = (layer.kernel_size[axis] - 1) * layer.dilation_rate[axis] + 1
        return _windowed(field, size, layer.strides[axis], layer.padding)
    if isinstance(layer, _POOLINGS):
        size, stride = layer.pool_size[axis], layer.strides[axis]
        return _windowed(field, size, stride, layer.padding, learned=False)
    return field


def _joined(layer, maps: list[GraphField]) -> GraphField:
    if len({(m.stride_px, m.extra) for m in maps}) > 1:
        raise ValueError(f"{layer.name} joins maps of different sizes: {maps}")
    middles = [m.middle_px for m in maps]
    return replace(
        maps[0],
        first_px=min(m.first_px for m in maps),
        last_px=max(m.last_px for m in maps),
        middle_px=(min(middles) + max(middles)) / 2,
        everywhere=any(m.everywhere for m in maps),
    )


def _padded(field: GraphField, before: int, after: int, *, learned: bool = True) -> GraphField:
    """Zeros around a map, for a window that is learned or not."""
    return replace(
        field,
        extra=field.extra + before + after,
        first_px=field.first_px - before * field.stride_px,
        last_px=field.last_px - before * field.stride_px,
        middle_px=field.middle_px - ((before + after) / 2 if learned else before) * field.stride_px,
    )


def _windowed(
    field: GraphField, size: int, stride: int, padding: str, *, learned: bool = True
) -> GraphField:
    """A window over `size` cells, moved by `stride`."""
    if padding == "same":
        cells = -(-field.extra // stride)
        total = max((cells - 1) * stride + size - field.extra, 0)
        field = _padded(field, total // 2, total - total // 2, learned=learned)
    return replace(
        field,
        stride_px=field.stride_px * stride,
        extra=(field.extra - size) // stride + 1,
        last_px=field.last_px + (size - 1) * field.stride_px,
        middle_px=field.middle_px + (size - 1) / 2 * field.stride_px,
    )
