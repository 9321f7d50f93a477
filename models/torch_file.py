"""Read the tensors of a legacy torch file with an allow-listing unpickler and numpy; no torch.

A legacy file is a row of pickles (magic number, protocol, system, the object, the storage keys)
followed by the raw storages. A pickle can name any callable, so every name outside the short
list below is refused before it is looked up.

Source: torch.serialization._legacy_save, format 1001.
"""

import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_STORAGE_TYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


def _rebuild_tensor(storage, offset, shape, strides, _requires_grad, _hooks) -> np.ndarray:
    """A view of a storage, whose numbers come after the pickles."""
    last = offset + sum((n - 1) * s for n, s in zip(shape, strides, strict=True))
    if not 0 <= offset <= last < storage.size or min(strides, default=0) < 0:
        raise ValueError(f"tensor of shape {tuple(shape)} leaves its storage")
    steps = [s * storage.itemsize for s in strides]
    return np.lib.stride_tricks.as_strided(storage[offset:], shape, steps)


class _Unpickler(pickle.Unpickler):
    """Knows an ordered dict, tensors and their storages; refuses everything else."""

    def __init__(self, file: BinaryIO):
        super().__init__(file)
        self.storages: dict[str, np.ndarray] = {}

    def find_class(self, module: str, name: str):
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild_tensor
        if module == "torch" and name in _STORAGE_TYPES:
            return _STORAGE_TYPES[name]
        raise pickle.UnpicklingError(f"the file asks for {module}.{name}, which is not allowed")

    def persistent_load(self, saved_id) -> np.ndarray:
        kind, dtype, key, _location, size, _view = saved_id
        if kind != "storage":
            raise pickle.UnpicklingError(f"persistent id must be a storage, not {kind!r}")
        return self.storages.setdefault(key, np.zeros(size, dtype))


def read_torch_file(path: str | Path) -> dict[str, np.ndarray]:
    """Read a state dict that `torch.save` wrote in the legacy format.

    Args:
        path: the file, usually `*.pth`.

    Returns:
        Array by name, in the order of the file, float32 or int64.

    Raises:
        ValueError: not a legacy torch file, truncated, or a tensor outside its storage.
        pickle.UnpicklingError: the pickle names anything but tensors and ordered dicts.
    """
    with Path(path).open("rb") as file:
        if _load(file, path) != _MAGIC or _load(file, path) != _PROTOCOL:
            raise ValueError(f"{path} must be a legacy torch file (format {_PROTOCOL})")
        if not _load(file, path).get("little_endian"):
            raise ValueError(f"{path} must be little-endian")
        unpickler = _Unpickler(file)
        tensors = unpickler.load()
        for key in _load(file, path):  # of each storage the length as int64, then the numbers
            storage = unpickler.storages[key]
            size = int.from_bytes(file.read(8), "little", signed=True)
            values = np.frombuffer(file.read(storage.nbytes), storage.dtype)
            if size != storage.size or values.size != size:
                raise ValueError(
                    f"{path} is truncated: a storage has {values.size} of {storage.size} values"
                )
            storage[:] = values
    return {name: tensor.copy() for name, tensor in tensors.items()}


def _load(file: BinaryIO, path) -> Any:
    try:
        return _Unpickler(file).load()
    except (pickle.UnpicklingError, EOFError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not a legacy torch file: {error}") from error
