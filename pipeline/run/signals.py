"""Ctrl-C and the termination signal: a line, status 128 + the signal's number, no traceback.

And what ends processes whose parent was killed and can tell them nothing.
"""

import contextlib
import ctypes
import os
import signal
import sys
import threading
from collections.abc import Iterator

SIGNALS = (signal.SIGINT, signal.SIGTERM)
_PR_SET_PDEATHSIG = 1  # of <linux/prctl.h>: the signal that the death of the parent sends


def end_with(parent: int, number: signal.Signals) -> None:
    """Let this process get a signal when its parent ends, however that does; or now, if it has."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        os.kill(os.getpid(), number)


@contextlib.contextmanager
def ended_by_signals(name: str) -> Iterator[None]:
    """End with 128 + its number on the first SIGINT or SIGTERM, with a line; pass over others.

    What goes on while a command ends, such as stopping its workers, is not interrupted again, and
    neither is the end of the interpreter.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # signals reach the main thread only
        return

    def end(number: int, _frame: object) -> None:
        for each in SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        before.clear()
        print(
            f"{name}: ended by {signal.Signals(number).name}. The same command goes on with what "
            "is done.",
            file=sys.stderr,
            flush=True,
        )
        raise SystemExit(128 + number)

    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:  # whoever started it does not want it to end by that
            signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in tuple(before.items()):
            signal.signal(number, handler)
