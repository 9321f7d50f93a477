"""The weights of a network as a safetensors file, and back."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from models.network import PatchNetwork


def weights_of(network: PatchNetwork) -> dict[str, np.ndarray]:
    """All weights as float32 arrays by name, for example "conv1/kernel"; no optimizer, no seeds."""
    return {name: np.ascontiguousarray(v.numpy()) for name, v in network.named_weights.items()}


def save_weights(network: PatchNetwork, path: str | Path) -> None:
    """Write the weights as safetensors."""
    save_file(weights_of(network), str(path))


def load_weights(network: PatchNetwork, path: str | Path) -> None:
    """Fill a network with stored weights.

    Raises:
        ValueError: the file is not whole, or its names or shapes are not the network's.
    """
    try:
        stored = load_file(str(path))
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path} must be a whole safetensors file: {error}") from error
    assign_weights(network, stored, source=str(path))


def assign_weights(network: PatchNetwork, stored: dict[str, np.ndarray], *, source: str) -> None:
    """Fill a network with arrays by name; all names and shapes are checked before the first.

    Axes of one element may lie elsewhere: older files of ConvNeXt hold its depthwise kernels as
    (rows, cols, channels, 1) in the place of (rows, cols, 1, channels).
    """
    variables = network.named_weights
    missing, unknown = sorted(variables.keys() - stored), sorted(stored.keys() - variables)
    if missing or unknown:
        raise ValueError(
            f"{source} does not fit the network {network.spec}: "
            f"missing {_some(missing)}; unknown {_some(unknown)}"
        )
    for name, variable in variables.items():
        if _long_axes(variable.shape) != _long_axes(stored[name].shape):
            raise ValueError(
                f"{source}: {name} must have shape {tuple(variable.shape)}, "
                f"not {stored[name].shape}"
            )
    for name, variable in variables.items():
        variable.assign(stored[name].reshape(variable.shape))


def _long_axes(shape: Sequence[int]) -> list[int]:
    return [size for size in shape if size != 1]


def _some(names: list[str]) -> str:
    """The first names of a list, for a message."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more if names else "nothing"
