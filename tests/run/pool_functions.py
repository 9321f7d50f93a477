"""What the tests of the pool let workers do; workers import it by name."""

import os
import signal
import time

import numpy as np


def square_slowly(number):
    """Later items are done sooner, so results arrive out of order."""
    time.sleep(0.05 if number == 0 else 0.0)
    return number**2


def misbehave(kind):
    if kind == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "stuck":
        time.sleep(60)
    if kind == "greedy":
        try:
            return int(np.ones(2**28).sum())  # 2 GiB
        except MemoryError:
            return "no memory"
    return kind


def loaded_modules(_):
    import sys

    return sorted(name for name in sys.modules if "." not in name)
