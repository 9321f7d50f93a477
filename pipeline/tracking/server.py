"""A server of this machine that ends with the process that started it, however that one ends.

Between the two stands a guard: this file as a program, with the server and its workers in a
process group of its own. The kernel closes the guard's standard input when the starter dies, also
where that is killed and can do nothing itself.
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

_END_SECONDS = 10
_SAID_EVERY_SECONDS = 30


@contextlib.contextmanager
def held(command: Sequence[str], *, log: Path) -> Iterator[subprocess.Popen]:
    """Run a server while the context is open; what it writes goes into a file.

    SIGTERM to this process, or Ctrl-C, ends the context, and so the server, first.
    """

    def end(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    before = {
        signal.SIGTERM: signal.signal(signal.SIGTERM, end),
        signal.SIGINT: signal.signal(signal.SIGINT, signal.default_int_handler),
    }
    with log.open("wb") as said:
        guard = subprocess.Popen(
            [sys.executable, __file__, *command],
            stdin=subprocess.PIPE,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    assert guard.stdin
    try:
        yield guard
    finally:
        guard.stdin.close()
        guard.wait()
        for number, handler in before.items():
            signal.signal(number, handler)


def answers(server: subprocess.Popen, address: str) -> bool:
    """Wait until the server answers at an address; False where it ends before.

    It may take as long as it needs: on a busy machine or a slow disk that is minutes.
    """
    said = time.monotonic()
    while server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=20):
                return True
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
        if time.monotonic() - said >= _SAID_EVERY_SECONDS:
            said = time.monotonic()
            print("The server is still starting (Ctrl-C ends it)", file=sys.stderr, flush=True)
    return False


def wait_for(server: subprocess.Popen, *, parent: int) -> int:
    """Wait for the end of the server, or of the process `parent` that this one belongs to."""
    while os.getppid() == parent:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return server.wait(timeout=1)
    return 0


def _guard(command: Sequence[str]) -> int:
    for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(name, lambda *_: None)  # unlike SIG_IGN this is not inherited
    try:
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    except OSError as error:
        print(error, file=sys.stderr)
        return 1
    while server.poll() is None and not select.select([sys.stdin], [], [], 0.5)[0]:
        pass
    os.killpg(0, signal.SIGTERM)
    until = time.monotonic() + _END_SECONDS
    while others := _others_of_the_group(server):
        if time.monotonic() >= until:
            for process in others:  # not this one, which waits until they hold no port
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
        time.sleep(0.1)
    return abs(server.wait())


def _others_of_the_group(server: subprocess.Popen) -> list[int]:
    """The processes of this one's group that are alive beside it."""
    server.poll()  # a dead child is one until it is asked for
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, group = path.read_text(errors="replace").rpartition(")")[2].split()[:3]
            process = int(path.parent.name)
            if int(group) == os.getpgrp() and state not in "ZX" and process != os.getpid():
                found.append(process)
    return found


if __name__ == "__main__":
    sys.exit(_guard(sys.argv[1:]))
