"""Ctrl-C and the termination signal as a wish, looked at between two steps."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass
class StopRequest:
    """The signal that asked to stop; 0 while none did."""

    signal: int = 0


@contextlib.contextmanager
def stop_request() -> Iterator[StopRequest]:
    """Turn the first SIGINT or SIGTERM into a request; a second SIGINT ends at once, status 130.

    An exception in the middle of a step would leave weights that belong to no step.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request  # signals reach the main thread only
        return

    def ask(number, _frame):
        request.signal = number
        signal.signal(signal.SIGINT, at_once)

    def at_once(number, _frame):
        raise SystemExit(128 + number)

    before = {n: signal.signal(n, ask) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
