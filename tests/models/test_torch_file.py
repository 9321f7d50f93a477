"""Tensors are read from a legacy torch file; anything else in it is refused."""

import io
import os
import pickle
from collections import OrderedDict

import numpy as np
import pytest

from models.torch_file import read_torch_file

MAGIC, PROTOCOL, SYSTEM = 0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}


class _Global:
    """Pickled as a reference to a name of torch, which is not installed."""

    def __init__(self, module, name):
        self.module, self.name = module, name


class _Writer(pickle._Pickler):
    """Writes what torch would write: names of torch and storages as persistent ids."""

    def persistent_id(self, thing):
        return thing if isinstance(thing, tuple) and thing[:1] == ("storage",) else None

    def save(self, thing, save_persistent_id=True):
        if isinstance(thing, _Global):
            self.write(f"c{thing.module}\n{thing.name}\n".encode())
            return None
        if isinstance(thing, _Tensor):
            self.save(_Global("torch._utils", "_rebuild_tensor_v2"))
            self.save(thing.arguments)
            return self.write(pickle.REDUCE)
        return super().save(thing, save_persistent_id)


class _Tensor:
    def __init__(self, size, offset, shape, strides):
        storage = ("storage", _Global("torch", "FloatStorage"), "7", "cpu", size, None)
        self.arguments = (storage, offset, shape, strides, False, OrderedDict())


def _write(path, state, values):
    file = io.BytesIO()
    for part in (MAGIC, PROTOCOL, SYSTEM):
        file.write(pickle.dumps(part, 2))
    _Writer(file, 2).dump(state)
    file.write(pickle.dumps(["7"], 2))
    file.write(len(values).to_bytes(8, "little") + np.array(values, "<f4").tobytes())
    path.write_bytes(file.getvalue())
    return path


def test_a_tensor_is_read_with_its_strides(tmp_path):
    state = OrderedDict(a=_Tensor(6, 0, (2, 3), (3, 1)), b=_Tensor(6, 1, (3, 1), (1, 3)))
    found = read_torch_file(_write(tmp_path / "a.pth", state, [0, 1, 2, 3, 4, 5]))
    assert found["a"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert found["b"].tolist() == [[1], [2], [3]]


def test_a_tensor_outside_its_storage_is_refused(tmp_path):
    state = OrderedDict(a=_Tensor(6, 2, (2, 3), (3, 1)))
    with pytest.raises(ValueError, match=r"shape \(2, 3\) leaves its storage"):
        read_torch_file(_write(tmp_path / "a.pth", state, [0] * 6))


def test_code_in_the_pickle_is_refused_before_it_runs(tmp_path):
    state = OrderedDict(a=os.getcwd)
    with pytest.raises(pickle.UnpicklingError, match=r"posix\.getcwd, which is not allowed"):
        read_torch_file(_write(tmp_path / "a.pth", state, [0]))


def test_a_truncated_storage_is_refused(tmp_path):
    path = _write(tmp_path / "a.pth", OrderedDict(a=_Tensor(6, 0, (6,), (1,))), [0] * 6)
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(ValueError, match="truncated: a storage has 5 of 6 values"):
        read_torch_file(path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", pickle.dumps(3)])
def test_another_file_is_refused(tmp_path, content):
    path = tmp_path / "a.pth"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="legacy torch file"):
        read_torch_file(path)
