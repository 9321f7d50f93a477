"""The map of logits of a whole image.

The logit of the position k is that of the patch [k pitch - patch/2, k pitch + patch/2), with the
image continued by reflection. A padded backbone also sees surroundings of the patch; it gets the
reflected image there for `margin_cells` more, and only beyond that its own zeros. Tiles carry a
halo of everything that can change their cells, so a tile equals the whole image.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from models.network import PatchNetwork

_MIRRORED = {1: [()], 2: [(), (0,)], 4: [(), (0,), (1,), (0, 1)]}


@dataclass(frozen=True)
class _Tile:
    """Cells [first_row, last_row) x [first_col, last_col) of the map."""

    first_row: int
    last_row: int
    first_col: int
    last_col: int


def logit_map(
    network: PatchNetwork,
    image: np.ndarray,
    *,
    pitch_px: int,
    tile_px: int = 2048,
    flips: int = 1,
) -> np.ndarray:
    """One logit for every position of an image.

    Args:
        network: the network.
        image: float32 (H, W), values in [0, 1].
        pitch_px: distance between positions, a multiple of the network's stride.
        tile_px: tiles of larger images, without their halo.
        flips: mean logit over 1 (the image), 2 (and upside down: the chest wall stays where it
            is) or 4 (and left to right, both) mirrored copies.

    Returns:
        float32 (ceil(H / pitch_px) + 1, ceil(W / pitch_px) + 1).

    Raises:
        ValueError: wrong shape or type, a pitch that does not fit, an unknown number of flips.
    """
    total = None
    for cells in _copies(network, image, pitch_px=pitch_px, tile_px=tile_px, flips=flips):
        total = cells if total is None else total + cells
    return np.ascontiguousarray(total / np.float32(flips))


def logit_map_with_spread(
    network: PatchNetwork,
    image: np.ndarray,
    *,
    pitch_px: int,
    tile_px: int = 2048,
    flips: int = 1,
) -> tuple[np.ndarray, np.ndarray | None]:
    """The map of logits, and how far the mirrored copies and the members of an ensemble differ.

    Args, Raises: as in `logit_map`.

    Returns:
        The map as `logit_map` gives it (1e-5), and the standard deviation over all copies of
        all members, float32 of the same shape; None where there is one copy of one network.
    """
    maps = []
    temperatures = _temperatures(network)
    for member, temperature in zip(network.members, temperatures, strict=True):
        copies = _copies(member, image, pitch_px=pitch_px, tile_px=tile_px, flips=flips)
        maps += [cells / np.float32(temperature) for cells in copies]
    stacked = np.stack(maps)  # (copies, h, w)
    mean = np.ascontiguousarray(stacked.mean(axis=0))
    return mean, stacked.std(axis=0) if len(maps) > 1 else None


def _temperatures(network: PatchNetwork) -> np.ndarray:
    if network.spec.members == 1:
        return np.ones(1, np.float32)
    return network.get_layer("members").temperatures.numpy()


def _copies(
    network: PatchNetwork, image: np.ndarray, *, pitch_px: int, tile_px: int, flips: int
) -> Iterator[np.ndarray]:
    """The map of each mirrored copy, turned back."""
    _check(network, image, pitch_px, tile_px, flips)
    padded = pad_for_map(image, network, pitch_px=pitch_px)
    margin, step = network.margin_cells, pitch_px // network.stride_px
    inner = slice(margin, -margin or None, step)
    for axes in _MIRRORED[flips]:
        cells = _padded_logits(network, np.flip(padded, axes), tile_px)
        yield np.flip(cells, axes)[inner, inner]


def pad_for_map(image: np.ndarray, network: PatchNetwork, *, pitch_px: int) -> np.ndarray:
    """Continue an image by reflection so that its first and last position get a whole patch.

    The image is first brought to whole pitches, so that a mirrored copy has the same positions.
    """
    edge = network.spec.patch_px // 2 + network.margin_cells * network.stride_px
    sides = [(edge, edge + -size % pitch_px) for size in image.shape]
    return np.pad(image, sides, mode="reflect")


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
    if flips not in _MIRRORED:
        raise ValueError(f"flips must be 1, 2 or 4, not {flips}")


def _padded_logits(network: PatchNetwork, padded: np.ndarray, tile_px: int) -> np.ndarray:
    """All cells of a padded image (H, W) -> (h, w), tile by tile."""
    patch, stride, halo = network.spec.patch_px, network.stride_px, network.halo_px
    rows, cols = ((size - patch) // stride + 1 for size in padded.shape)
    run = _runner(network)
    result = np.empty((rows, cols), np.float32)
    for tile in _tiles(rows, cols, max(1, tile_px // stride)):
        row0, row1 = _pixels(tile.first_row, tile.last_row, stride, patch, halo, padded.shape[0])
        col0, col1 = _pixels(tile.first_col, tile.last_col, stride, patch, halo, padded.shape[1])
        cells = run(padded[None, row0:row1, col0:col1, None])[0].numpy()
        top, left = tile.first_row - row0 // stride, tile.first_col - col0 // stride
        height, width = tile.last_row - tile.first_row, tile.last_col - tile.first_col
        result[tile.first_row : tile.last_row, tile.first_col : tile.last_col] = cells[
            top : top + height, left : left + width
        ]
    return result


def _tiles(rows: int, cols: int, side: int) -> Iterator[_Tile]:
    for row in range(0, rows, side):
        for col in range(0, cols, side):
            yield _Tile(row, min(row + side, rows), col, min(col + side, cols))


def _pixels(first: int, last: int, stride: int, patch: int, halo: int, size: int):
    """Pixels that the cells [first, last) depend on, within the image."""
    return max(0, first * stride - halo), min(size, (last - 1) * stride + patch + halo)


def _runner(network: PatchNetwork):
    """The network in inference as one function for images of any size, traced once."""
    if not hasattr(network, "_map_runner"):
        network._map_runner = tf.function(
            lambda x: network(x, training=False),
            input_signature=[tf.TensorSpec((None, None, None, 1), tf.float32)],
        )
    return network._map_runner
