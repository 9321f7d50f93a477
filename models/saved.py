"""The weights of a network as a safetensors file, and back."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save_file

from models.network import NetworkSpec, PatchNetwork

_OF_MEMBER = re.compile(r"member\d+/")


def weights_of(network: PatchNetwork) -> dict[str, np.ndarray]:
    """All weights as float32 arrays by name, for example "conv1/kernel"; no optimizer, no seeds."""
    return {name: np.ascontiguousarray(v.numpy()) for name, v in network.named_weights.items()}


def save_weights(network: PatchNetwork, path: str | Path) -> None:
    """Write the weights as safetensors."""
    save_file(weights_of(network), str(path))


def load_weights(network: PatchNetwork, path: str | Path) -> None:
    """Fill a network with stored weights.

    Raises:
        ValueError: the file is not whole, its names or shapes are not the network's, or a weight
            is not a finite number.
    """
    try:
        stored = load_file(str(path))
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path} must be a whole safetensors file: {error}") from error
    if broken := [name for name, array in stored.items() if not np.isfinite(array).all()]:
        raise ValueError(
            f"{path} holds weights that are not finite numbers (NaN or infinite), in "
            f"{_some(sorted(broken))}: the training that made it had gone wrong, or the file was "
            "changed. Take another model"
        )
    assign_weights(network, stored, source=str(path))


def check_size(spec: NetworkSpec, path: str | Path) -> None:
    """Refuse a network that is larger than a file of weights, before it is built.

    Raises:
        ValueError: the file is not whole, or holds fewer members, or narrower ones.
    """
    try:
        with safe_open(str(path), framework="numpy") as file:
            names = list(file.keys())
            first = next((name for name in names if name.endswith("conv0/kernel")), None)
            width = file.get_slice(first).get_shape()[-1] if first else None
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path} must be a whole safetensors file: {error}") from error
    members = len({name.split("/")[0] for name in names if _OF_MEMBER.match(name)}) or 1
    if members != spec.members:
        raise ValueError(f"{path} holds {members} networks, not {spec.members}")
    if spec.backbone == "valid" and width != spec.width:
        raise ValueError(
            f"{path}: the first kernel must have shape (..., {spec.width}), not {width}"
        )


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
