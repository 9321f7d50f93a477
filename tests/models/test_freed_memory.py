"""What is freed stays with the process."""

import ctypes

import pytest

from models.freed_memory import keep_freed_memory
from tests.own_maps import IS_GLIBC, maps_of_a_large_array


@pytest.mark.skipif(not IS_GLIBC, reason="only glibc has these parameters")
def test_a_large_array_comes_from_the_heap_and_goes_back_there():
    assert keep_freed_memory()
    assert maps_of_a_large_array() == 0


def test_another_c_library_is_left_alone(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    assert not keep_freed_memory()
