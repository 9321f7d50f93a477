"""What is freed stays with the process."""

import ctypes
import platform

import numpy as np
import pytest

from models.freed_memory import keep_freed_memory


class _Mallinfo(ctypes.Structure):
    """The beginning of struct mallinfo in malloc.h, and room for the other six numbers."""

    _fields_ = (
        *((name, ctypes.c_int) for name in ("arena", "ordblks", "smblks", "hblks")),
        ("others", ctypes.c_int * 6),
    )


def _own_maps() -> int:
    """How many arrays have a map of their own, which is given back when they are freed."""
    mallinfo = ctypes.CDLL(None).mallinfo
    mallinfo.restype = _Mallinfo
    return mallinfo().hblks


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has these parameters")
def test_a_large_array_comes_from_the_heap_and_goes_back_there():
    assert keep_freed_memory()
    before = _own_maps()
    array = np.ones(2**26, np.uint8)
    assert _own_maps() == before
    assert array[-1] == 1


def test_another_c_library_is_left_alone(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    assert not keep_freed_memory()
