"""Which arrays glibc gives a map of their own, whose pages go back when they are freed."""

import ctypes
import platform

import numpy as np

IS_GLIBC = platform.libc_ver()[0] == "glibc"  # which alone can tell


class _Mallinfo(ctypes.Structure):
    """The beginning of struct mallinfo in malloc.h, and room for the other six numbers."""

    _fields_ = (
        *((name, ctypes.c_int) for name in ("arena", "ordblks", "smblks", "hblks")),
        ("others", ctypes.c_int * 6),
    )


def own_maps() -> int:
    """How many arrays have one."""
    mallinfo = ctypes.CDLL(None).mallinfo
    mallinfo.restype = _Mallinfo
    return mallinfo().hblks


def maps_of_a_large_array(_=None) -> int:
    """How many more there are while a large array is held."""
    before = own_maps()
    array = np.ones(2**26, np.uint8)
    return own_maps() - before + array[-1] - 1
