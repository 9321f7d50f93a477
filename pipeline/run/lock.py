"""The lock on a run folder: one process at a time works on it."""

import contextlib
import fcntl
import os
import socket
import time
from collections.abc import Iterator
from typing import IO

from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder

_LOOKS_SECONDS = (0.01, 0.1, 0.5)  # between tries: who asks `in_use` has it for a moment


@contextlib.contextmanager
def locked(run: RunFolder, *, what: str = "") -> Iterator[None]:
    """Hold RUN/lock; the kernel gives it back when the process dies.

    Args:
        what: does not work while another process holds it, for the message.

    Raises:
        UserError: another process works on the run folder.
    """
    run.root.mkdir(parents=True, exist_ok=True)
    with run.lock.open("a+") as stream:
        waits = iter(_LOOKS_SECONDS)
        while not _takes(stream, fcntl.LOCK_EX):
            if wait := next(waits, None):
                time.sleep(wait)
                continue
            stream.seek(0)
            holder = stream.read().strip() or "unknown"
            raise UserError(
                f"{f'{what}: ' if what else ''}{run.root} is in use by process {holder}. "
                "Wait for it, or take another RUN=."
            )
        stream.truncate(0)
        stream.write(f"{os.getpid()} on {socket.gethostname()}")
        stream.flush()
        yield


def in_use(run: RunFolder) -> bool:
    """Whether a process works on the run folder now."""
    if not run.lock.is_file():
        return False
    with run.lock.open() as stream:
        return not _takes(stream, fcntl.LOCK_SH)


def _takes(stream: IO, how: int) -> bool:
    try:
        fcntl.flock(stream, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
