"""A network as a folder: model.safetensors with the weights and model.json that describes them."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from models.network import NetworkSpec, PatchNetwork, build_network
from models.precision import dtype_policy

WEIGHTS_NAME = "model.safetensors"
DESCRIPTION_NAME = "model.json"


def spec_as_dict(spec: NetworkSpec) -> dict:
    """The value of "network" in model.json."""
    return asdict(spec)


def weights_of(network: PatchNetwork) -> dict[str, np.ndarray]:
    """All weights as float32 arrays by name, for example "conv1/kernel"; no optimizer, no seeds."""
    return {name: np.ascontiguousarray(v.numpy()) for name, v in network.named_weights.items()}


def save_weights(network: PatchNetwork, path: str | Path) -> str:
    """Write the weights as safetensors and return the sha256 of the file."""
    save_file(weights_of(network), str(path))
    return _sha256(Path(path))


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
    """Fill a network with arrays by name; all names and shapes are checked before the first."""
    variables = network.named_weights
    missing, unknown = sorted(variables.keys() - stored), sorted(stored.keys() - variables)
    if missing or unknown:
        raise ValueError(
            f"{source} does not fit the network {network.spec}: "
            f"missing {_some(missing)}; unknown {_some(unknown)}"
        )
    for name, variable in variables.items():
        if tuple(variable.shape) != stored[name].shape:
            raise ValueError(
                f"{source}: {name} must have shape {tuple(variable.shape)}, "
                f"not {stored[name].shape}"
            )
    for name, variable in variables.items():
        variable.assign(stored[name])


def load_network(folder: str | Path, *, policy: str = "float32") -> PatchNetwork:
    """Build the network of a model folder and fill it.

    Args:
        folder: holds model.safetensors and model.json.
        policy: Keras precision policy that the network computes in.

    Raises:
        ValueError: a file is missing, model.json is incomplete, or the weights are not those
            that model.json was written for.
    """
    folder = Path(folder)
    description = _read_description(folder / DESCRIPTION_NAME)
    weights = folder / WEIGHTS_NAME
    if not weights.is_file():
        raise ValueError(f"{folder} must hold {WEIGHTS_NAME}; train the model again")
    found = _sha256(weights)
    if found != description["sha256"]:
        raise ValueError(
            f"{weights} must have sha256 {description['sha256']}, not {found}: the file was "
            "damaged or replaced; copy the folder again or train again"
        )
    with dtype_policy(policy):
        network = build_network(NetworkSpec(**description["network"]))
    load_weights(network, weights)
    return network


def _read_description(path: Path) -> dict:
    if not path.is_file():
        raise ValueError(f"{path.parent} must hold {path.name}: it is no model folder")
    try:
        description = json.loads(path.read_text("utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} must be JSON: {error}") from error
    expected = set(NetworkSpec.__dataclass_fields__)
    network = description.get("network") if isinstance(description, dict) else None
    if (
        not isinstance(network, dict)
        or not {"backbone", "patch_px"} <= set(network) <= expected
        or "sha256" not in description
    ):
        raise ValueError(f"{path} must have sha256 and network with {', '.join(sorted(expected))}")
    return description


def _some(names: list[str]) -> str:
    """The first names of a list, for a message."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more if names else "nothing"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
