"""The map of logits of a whole image.

The logit of the position k is that of the patch [k pitch - patch/2, k pitch + patch/2), with the
image continued by reflection. A padded backbone also sees surroundings of the patch; it gets the
reflected image there for `margin_cells` more, and only beyond that its own zeros. Tiles carry a
halo of everything that can change their cells, so a tile equals the whole image. Where a network
has a front, its features are made first, in small tiles, for which a small halo suffices, and the
rest is made of them in large ones: less memory than tiles of the whole network take, and less time.

Where squeeze-and-excitation makes a logit depend on everything that the network is given, the
logit of a position is that in a tile of `network.tile_px`, the size of a training crop. The tiles
begin at the upper left of the continued image, one beside the other but for their margins; the
last of a row or column ends with the image.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import cv2
import keras
import numpy as np
import tensorflow as tf
from scipy import ndimage

from models.network import Front, PatchNetwork

_MIRRORED: tuple[tuple[int, ...], ...] = ((), (0,), (1,), (0, 1))  # axes of the copies


class _Span(NamedTuple):
    """A tile along one axis: the cells of the map that it gives, the pixels it is made from."""

    cells: slice  # of the whole map
    own: slice  # the same among the cells of the tile
    pixels: slice  # of the continued image


def logit_map(
    network: PatchNetwork,
    image: np.ndarray,
    *,
    pitch_px: int,
    tile_px: int = 2048,
    flips: int = 1,
    zooms: Sequence[float] = (1.0,),
) -> np.ndarray:
    """One logit for every position of an image.

    Args:
        image: float32 (H, W), values in [0, 1].
        pitch_px: distance between positions, a multiple of the network's stride.
        tile_px: tiles of larger images, without their halo; half of it in the front of a network
            and twice as much behind. Not for networks that have their own.
        flips: mean logit over 1 (the image), 2 (and upside down: the chest wall stays where it
            is) or 4 (and left to right, both) mirrored copies.
        zooms: and over copies enlarged by so much, each with its mirrored ones.

    Returns:
        float32 (ceil(H / pitch_px) + 1, ceil(W / pitch_px) + 1).

    Raises:
        ValueError: wrong shape or type, a pitch that does not fit, an unknown number of flips.
    """
    first, *others = _copies(
        network, image, pitch_px=pitch_px, tile_px=tile_px, flips=flips, zooms=zooms
    )
    return np.ascontiguousarray(sum(others, first) / np.float32(flips * len(zooms)))


def logit_map_with_spread(
    network: PatchNetwork, image: np.ndarray, **options: Any
) -> tuple[np.ndarray, np.ndarray | None]:
    """The map of logits, and how far the copies and the members of an ensemble differ.

    Args, Raises: as in `logit_map`, all options too.

    Returns:
        The map as `logit_map` gives it (1e-5), and the standard deviation over all copies of
        all members, float32 of the same shape; None where there is one copy of one network.
    """
    maps = []
    for member, temperature in zip(network.members, network.temperatures, strict=True):
        copies = _copies(member, image, **options)
        maps += [cells / np.float32(temperature) for cells in copies]
    stacked = np.stack(maps)  # (copies, h, w)
    mean = np.ascontiguousarray(stacked.mean(axis=0))
    return mean, stacked.std(axis=0) if len(maps) > 1 else None


def _copies(
    network: PatchNetwork,
    image: np.ndarray,
    *,
    pitch_px: int,
    tile_px: int = 2048,
    flips: int = 1,
    zooms: Sequence[float] = (1.0,),
) -> Iterator[np.ndarray]:
    """The map of each enlarged and mirrored copy, brought back to the positions of the image."""
    _check(network, image, pitch_px, tile_px, flips)
    stride = network.stride_px
    for zoom in zooms:
        if zoom == 1:
            yield from _mirrored_maps(network, image, pitch_px, tile_px, flips)
            continue
        height, width = (max(1, round(size * zoom)) for size in image.shape)
        way = cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC
        enlarged = cv2.resize(image, (width, height), interpolation=way).clip(0, 1)
        # Position k lies on the edge between two pixels, k pitches from the upper left corner,
        # which stays where it is when an image is enlarged; the map is read linearly there.
        cells_per_px = np.divide(enlarged.shape, image.shape) / stride
        axes = [
            np.arange(-(-size // pitch_px) + 1) * pitch_px * factor
            for size, factor in zip(image.shape, cells_per_px, strict=True)
        ]
        at = np.meshgrid(*axes, indexing="ij")
        for cells in _mirrored_maps(network, enlarged, stride, tile_px, flips):
            yield ndimage.map_coordinates(cells, at, order=1, mode="nearest", output=np.float32)


def _mirrored_maps(
    network: PatchNetwork, image: np.ndarray, pitch_px: int, tile_px: int, flips: int
) -> Iterator[np.ndarray]:
    """The map of each mirrored copy, turned back."""
    padded = pad_for_map(image, network, pitch_px=pitch_px)
    margin, step = network.margin_cells, pitch_px // network.stride_px
    inner = slice(margin, -margin or None, step)
    for axes in _MIRRORED[:flips]:
        cells = _padded_logits(network, np.flip(padded, axes), tile_px)
        yield np.flip(cells, axes)[inner, inner]


def pad_for_map(image: np.ndarray, network: PatchNetwork, *, pitch_px: int) -> np.ndarray:
    """Continue an image by reflection so that its first and last position get a whole patch.

    The image is first brought to whole pitches, so that a mirrored copy has the same positions.
    """
    edge = edge_px(network)
    sides = [(edge, edge + -size % pitch_px) for size in image.shape]
    return np.pad(image, sides, mode="reflect")


def edge_px(network: PatchNetwork) -> int:
    """Pixels by which an image is continued on each side, but for whole pitches."""
    return network.spec.patch_px // 2 + network.margin_cells * network.stride_px


def _check(network, image, pitch_px, tile_px, flips) -> None:
    if image.ndim != 2 or image.dtype != np.float32 or 0 in image.shape:
        raise ValueError(f"image must be float32 (H, W), not {image.dtype} of shape {image.shape}")
    if pitch_px < 1 or pitch_px % network.stride_px:
        raise ValueError(
            f"pitch_px must be a multiple of the network's stride {network.stride_px}, "
            f"not {pitch_px}"
        )
    if tile_px < network.stride_px:
        raise ValueError(f"tile_px must be at least {network.stride_px}, not {tile_px}")
    if flips not in (1, 2, 4):
        raise ValueError(f"flips must be 1, 2 or 4, not {flips}")


def _padded_logits(network: PatchNetwork, padded: np.ndarray, tile_px: int) -> np.ndarray:
    """All cells of a padded image (H, W) -> (h, w), the mean over the members of an ensemble.

    With `network.tile_px` those of the margin at the edge are NaN.
    """
    missing = [(0, max(0, network.tile_px - size)) for size in padded.shape]
    whole = np.pad(padded, missing, mode="reflect")
    members = zip(network.members, network.temperatures, strict=True)
    first, *others = (
        _member_logits(member, whole, tile_px) / np.float32(temperature)
        for member, temperature in members
    )
    rows, cols = (_cells(network, size) for size in padded.shape)
    return (sum(others, first) / np.float32(1 + len(others)))[:rows, :cols]


def _member_logits(network: PatchNetwork, whole: np.ndarray, tile_px: int) -> np.ndarray:
    """All cells of an image (H, W) -> (h, w), tile by tile."""
    if not hasattr(network, "_map_parts"):
        network._map_parts = _Parts(network)
    parts, front, step = network._map_parts, network.front, 1
    given = whole[..., None]
    if front:
        given, step = _front_features(parts, front, given, tile_px // 2), front.stride_px
        tile_px *= 2
    spans_of = _fixed_spans if network.tile_px else partial(_spans_with_halo, tile_px=tile_px)
    result = np.full([_cells(network, size) for size in whole.shape], np.nan, np.float32)
    for row in spans_of(network, whole.shape[0]):
        for col in spans_of(network, whole.shape[1]):
            rows, cols = (
                slice(span.pixels.start // step, span.pixels.stop // step) for span in (row, col)
            )
            cells = parts.behind(given[None, rows, cols])[0].numpy()
            result[row.cells, col.cells] = cells[row.own, col.own]
    return result


class _Parts:
    """A network as functions of images of any size, traced once.

    Attributes:
        front: (B, H, W, 1) -> features; the image itself where the network has no front.
        behind: features, or the image -> (B, h, w) logits.
        channels: of the features.
    """

    def __init__(self, network: PatchNetwork):
        image, features = network.inputs[0], network.inputs[0]
        if network.front:
            features = network.get_layer(network.front.layer).output
        self.front = _traced(image, features)
        self.behind = _traced(features, network.outputs[0])
        self.channels = features.shape[-1]


def _traced(given, result) -> Callable:
    """The part of a network between two of its Keras tensors."""
    model = keras.Model(given, result)
    run = tf.function(lambda x: model(x, training=False))
    spec = tf.TensorSpec((None, None, None, given.shape[-1]), tf.float32)
    # Of the networks of an ensemble TensorFlow would think that one is traced again and again.
    traced = run.get_concrete_function(spec)
    return lambda x: traced(tf.constant(x))


def _front_features(parts: _Parts, front: Front, image: np.ndarray, tile_px: int) -> np.ndarray:
    """The features of an image (H, W, 1), tile by tile: (H / stride, W / stride, C) float32."""
    rows, cols = (list(_front_spans(front, size, tile_px)) for size in image.shape[:2])
    result = np.empty((rows[-1].cells.stop, cols[-1].cells.stop, parts.channels), np.float32)
    for row in rows:
        for col in cols:
            tile = parts.front(image[None, row.pixels, col.pixels])[0].numpy()
            result[row.cells, col.cells] = tile[row.own, col.own]
    return result


def _front_spans(front: Front, size: int, tile_px: int) -> Iterator[_Span]:
    """Tiles along an axis of `size` pixels: some features, and all pixels they depend on."""
    stride, halo = front.stride_px, front.halo_px
    for cells in _even(size // stride, tile_px // stride):
        start = max(0, cells.start * stride - halo)
        end = min(size, cells.stop * stride + halo)
        before = start // stride
        own = slice(cells.start - before, cells.stop - before)
        yield _Span(cells, own, slice(start, end))


def _cells(network: PatchNetwork, size: int) -> int:
    """Cells of the map along an axis of so many pixels."""
    return (size - network.spec.patch_px) // network.stride_px + 1


def _spans_with_halo(network: PatchNetwork, size: int, *, tile_px: int) -> Iterator[_Span]:
    """Tiles along an axis of `size` pixels: some cells, and all pixels they depend on."""
    stride, halo = network.stride_px, network.halo_px
    for cells in _even(_cells(network, size), tile_px // stride):
        start = max(0, cells.start * stride - halo)
        end = min(size, (cells.stop - 1) * stride + network.spec.patch_px + halo)
        before = start // stride
        own = slice(cells.start - before, cells.stop - before)
        yield _Span(cells, own, slice(start, end))


def _even(count: int, most: int) -> Iterator[slice]:
    """So many cells in as few parts of at most `most` as there can be, about alike."""
    parts = -(-count // most)
    edges = [count * part // parts for part in range(parts + 1)]
    yield from map(slice, edges, edges[1:])


def _fixed_spans(network: PatchNetwork, size: int) -> Iterator[_Span]:
    """Tiles of one size along an axis of `size` pixels, which give their cells in the margin."""
    margin, stride = network.margin_cells, network.stride_px
    cells, side = _cells(network, size), _cells(network, network.tile_px)
    for wanted in range(0, cells - 2 * margin, side - 2 * margin):
        first = min(wanted, cells - side)
        inner = slice(first + margin, first + side - margin)
        pixels = slice(first * stride, first * stride + network.tile_px)
        yield _Span(inner, slice(margin, side - margin), pixels)
