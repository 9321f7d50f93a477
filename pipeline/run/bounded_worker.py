"""A process that works on one image after another and bears what a file may do to it.

It is a fresh interpreter with a limit on its memory; a file has a limit on its time, which counts
from where the worker has it and all that is imported for it. A start has none: on a busy machine or
a slow disk the imports may take minutes. A worker that is killed, or that has to be, costs the one
file that it had. It ends with the process that started it, also where that is killed.
"""

import contextlib
import multiprocessing
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Any

import cv2

from pipeline.run.errors import UserError
from pipeline.run.signals import SIGNALS, end_with
from pipeline.run.words import duration

# Fresh interpreters: nothing of the parent, such as TensorFlow or its threads, is inherited.
_CONTEXT = multiprocessing.get_context("spawn")
_SAID_EVERY_SECONDS = 120  # that a worker is still starting
# What glibc reads when a worker starts: it keeps what a large array held for the next one. The
# kernel would clear those pages anew, which took 20 to 30 ms of the 190 that a mammogram takes.
KEEP_FREED = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**32)}


@dataclass(frozen=True)
class Lost:
    """Stands for the result of an item whose worker did not come back."""

    reason: str


@dataclass(frozen=True)
class HasItem:
    """What a worker says when it begins with an item, whose time runs from then on."""


class Worker:
    """A process, the pipe to it, and the number of the item that it works on."""

    def __init__(self, function: Callable, mib: int | None):
        self.pipe, theirs = _CONTEXT.Pipe()
        arguments = theirs, function, mib, os.getpid()
        self.process = _CONTEXT.Process(target=_serve, args=arguments, daemon=True)
        # No signal for the worker either: the parent decides when it stops.
        with _blocked(SIGNALS), _environment(KEEP_FREED):
            self.process.start()
        theirs.close()
        self.item: int | None = None  # None until it says that it is ready
        self.seconds = float("inf")
        self.imports_since: float | None = None
        self._importing()

    def give(self, item: int, content: Any, seconds: float | None) -> None:
        self.item, self.seconds = item, seconds or float("inf")
        self._importing()  # an item may need modules that the function does not
        with contextlib.suppress(BrokenPipeError):  # it has died meanwhile, see `answer`
            self.pipe.send(content)

    def answer(self) -> Any:
        """The result of its item, or `Lost`; None when it has started, or that it has its item."""
        if not self.pipe.poll():
            reason = f"took longer than {self.seconds:g} s (dicom.decode_seconds)"
        else:
            try:
                answer = self.pipe.recv()
                if isinstance(answer, HasItem):
                    self.imports_since = None
                    self.deadline = time.monotonic() + self.seconds
                return answer
            except (EOFError, ConnectionError):
                self.process.join()
            reason = f"died with exit code {self.process.exitcode}"
            if self.process.exitcode == -signal.SIGKILL:
                reason = "was killed, probably for lack of memory (dicom.workers, dicom.decode_mib)"
        if self.item is None:
            raise UserError(
                f"A worker process could not start: it {reason}. What it said stands above; "
                "with less memory needed at a time it may work: dicom.workers=1."
            )
        return Lost(f"the worker {reason}")

    def out_of_time(self) -> bool:
        """Whether its item takes too long; of imports that do it only says so, now and then."""
        now = time.monotonic()
        if now < self.deadline:
            return False
        if self.imports_since is None:
            return True
        print(
            f"waiting for a worker process, which has been starting for "
            f"{duration(now - self.imports_since)}: is the machine busy, or the disk slow?",
            file=sys.stderr,
            flush=True,
        )
        self.deadline = now + _SAID_EVERY_SECONDS
        return False

    def _importing(self) -> None:
        self.imports_since = time.monotonic()
        self.deadline = self.imports_since + _SAID_EVERY_SECONDS

    def stop(self) -> None:
        self.pipe.close()
        self.process.kill()
        self.process.join()


@contextlib.contextmanager
def _blocked(numbers: Iterable[int]) -> Iterator[None]:
    """Let signals wait; a process that is started meanwhile never gets them."""
    resource_tracker.ensure_running()  # which would let them in again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """What a process that is started meanwhile finds in its environment, but what is there."""
    missing = {name: value for name, value in values.items() if name not in os.environ}
    os.environ.update(missing)
    try:
        yield
    finally:
        for name in missing:
            del os.environ[name]


def answered(pool: Sequence[Worker]) -> list[Worker]:
    """Those with a message, those that died and those out of time, as soon as there are any."""
    patience = max(min(worker.deadline for worker in pool) - time.monotonic(), 0)
    answered = wait([worker.pipe for worker in pool], timeout=min(patience, 3600))
    return [worker for worker in pool if worker.pipe in answered or worker.out_of_time()]


def _serve(pipe: Connection, function: Callable, mib: int | None, parent: int) -> None:
    """What a worker does: say that it is ready, then answer items until the pipe closes."""
    end_with(parent, signal.SIGKILL)
    cv2.setNumThreads(1)  # the processes share the cores
    if mib is not None:
        # Allocations beyond it fail; code and mapped files do not count.
        with contextlib.suppress(ValueError, OSError):  # a lower limit is in force already
            resource.setrlimit(resource.RLIMIT_DATA, (mib * 2**20, mib * 2**20))
    pipe.send(None)
    while True:
        try:
            item = pipe.recv()
        except EOFError:
            return
        pipe.send(HasItem())
        pipe.send(function(item))
