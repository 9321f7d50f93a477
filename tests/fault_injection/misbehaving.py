"""Workers that do what damaged files make decoders do; a worker imports this by name."""

import ctypes
import os
import signal
import time

import numpy as np


def misbehave(kind: str) -> object:
    """Be killed, crash, hang or take all memory; any other kind is given back."""
    if kind == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "crashes":
        ctypes.string_at(0)
    if kind == "stuck":
        time.sleep(60)
    if kind == "greedy":
        try:
            return int(np.ones(2**28).sum())  # 2 GiB
        except MemoryError:
            return "no memory"
    return kind
