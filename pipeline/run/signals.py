"""Ctrl-C, the termination signal, a dropped connection: a line, status 128 + the signal's number.

And within 20 s, also in the middle of a long call of a library, from which Python's own handlers
have to wait for the return: there a thread ends the process. In a training the first one is a wish,
looked at between two steps. And what ends processes whose parent was killed and can tell them
nothing.
"""

import contextlib
import ctypes
import os
import signal
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SECONDS_TO_END = 15.0  # of the 20 that a machine gives which is about to be taken away
_PR_SET_PDEATHSIG = 1  # of <linux/prctl.h>: the signal that the death of the parent sends


def end_with(parent: int, number: signal.Signals) -> None:
    """Let this process get a signal when its parent ends, however that does; or now, if it has."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        os.kill(os.getpid(), number)


@contextlib.contextmanager
def ended_by_signals(name: str) -> Iterator[None]:
    """End with 128 + its number on the first of SIGNALS, with a line; pass over others.

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
        with contextlib.suppress(OSError):  # a terminal may be gone
            print(
                f"{name}: ended by {signal.Signals(number).name}. The same command goes on with "
                "what is done.",
                file=sys.stderr,
                flush=True,
            )
        if number == signal.SIGHUP:
            leave_terminal()
        raise SystemExit(128 + number)

    before = {number: signal.getsignal(number) for number in SIGNALS}
    stop_watching = _watch()
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:  # whoever started it does not want it to end by that
            signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in tuple(before.items()):
            signal.signal(number, handler)
        stop_watching()


def _watch() -> Callable[[], None]:
    """Let a thread end this process SECONDS_TO_END after a signal; returns what calls it off."""
    heard, tell = os.pipe()
    os.set_blocking(tell, False)
    outer = signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
    if outer != -1:  # there is one already
        signal.set_wakeup_fd(outer, warn_on_full_buffer=False)
        os.close(heard)
        os.close(tell)
        return lambda: None
    called_off = threading.Event()

    def watch() -> None:
        # The system writes the number of each signal that comes; none is left when it is closed.
        while (number := int.from_bytes(os.read(heard, 1))) and number not in SIGNALS:
            continue
        os.close(heard)
        if number and not called_off.wait(SECONDS_TO_END):
            said = f"ended by {signal.Signals(number).name} in the middle of a long step"
            with contextlib.suppress(OSError):
                os.write(2, f"{said}. The same command goes on.\n".encode())
            os._exit(128 + number)

    def call_off() -> None:
        called_off.set()
        signal.set_wakeup_fd(-1)
        os.close(tell)

    threading.Thread(target=watch, daemon=True).start()
    return call_off


def leave_terminal() -> None:
    """Write no more to a terminal, which has hung up, or to a pipe, whose reader had it as well.

    What ends a command in good order, a checkpoint above all, prints something, which would fail.
    """
    for output in (1, 2):
        if not stat.S_ISREG(os.fstat(output).st_mode):
            os.dup2(os.open(os.devnull, os.O_WRONLY), output)


@dataclass
class StopRequest:
    """The signal that asked to stop; 0 while none did."""

    signal: int = 0


@contextlib.contextmanager
def stop_request() -> Iterator[StopRequest]:
    """Turn the first of SIGNALS into a request; SIGINT after it ends at once, status 130.

    An exception in the middle of a step would leave weights that belong to no step.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request  # signals reach the main thread only
        return

    def ask(number, _frame):
        request.signal = number
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, at_once)

    def at_once(number, _frame):
        raise SystemExit(128 + number)

    with handled_by(ask):
        yield request


@contextlib.contextmanager
def handled_by(handler: Callable[[int, Any], None]) -> Iterator[None]:
    """Let a function get SIGNALS meanwhile, but those that are ignored, as nohup asks for."""

    def get(number: int, frame: Any) -> None:
        if number == signal.SIGHUP:
            leave_terminal()
        handler(number, frame)

    before = {number: signal.getsignal(number) for number in SIGNALS}
    heard = [number for number in SIGNALS if before[number] is not signal.SIG_IGN]
    for number in heard:
        signal.signal(number, get)
    try:
        yield
    finally:
        for number in heard:
            signal.signal(number, before[number])
