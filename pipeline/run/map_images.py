"""Work over images in a pool of processes that survives what a file may do to a worker.

Each worker is a fresh interpreter with a limit on its memory; a file has a limit on its time.
A worker that is killed, or that has to be, costs the one file that it had.
"""

import contextlib
import multiprocessing
import os
import resource
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

import cv2

# Fresh interpreters: nothing of the parent, such as TensorFlow or its threads, is inherited.
_CONTEXT = multiprocessing.get_context("spawn")
_START_SECONDS = 300


@dataclass(frozen=True)
class Lost:
    """Stands for the result of an item whose worker did not come back."""

    reason: str


def default_workers() -> int:
    """Number of cores that this process may use."""
    return len(os.sched_getaffinity(0))


def map_images(
    function: Callable[[Any], Any],
    items: Sequence[Any],
    *,
    workers: int | None = None,
    seconds: float | None = None,
    mib: int | None = None,
) -> Iterator[Any]:
    """Apply `function` to each item in worker processes; yield the results in item order.

    Args:
        function: a function of a module, called with one item; it must not raise.
        items: what it is called with; function, items and results must pass between processes.
        workers: number of processes; all cores if None. With 0 this process does the work, one
            item after the other and without the limits.
        seconds: time limit for one item, in s.
        mib: memory limit for one worker, in MiB.

    Yields:
        The result of each item, or `Lost` where the worker was killed or out of time.
    """
    if workers == 0:
        yield from map(function, items)
        return
    with contextlib.closing(_Pool(function, items, seconds, mib)) as pool:
        for _ in range(min(workers or default_workers(), len(items))):
            pool.start_worker()
        for index in range(len(items)):
            while index not in pool.results:
                pool.step()
            yield pool.results.pop(index)


class _Worker:
    """A process, the pipe to it, and the item that it works on."""

    def __init__(self, function: Callable, mib: int | None):
        self.pipe, theirs = _CONTEXT.Pipe()
        self.process = _CONTEXT.Process(target=_serve, args=(theirs, function, mib), daemon=True)
        self.process.start()
        theirs.close()
        self.item: int | None = None  # None until it says that it is ready
        self.deadline = time.monotonic() + _START_SECONDS

    def stop(self) -> None:
        self.pipe.close()
        self.process.kill()
        self.process.join()


class _Pool:
    def __init__(self, function: Callable, items: Sequence, seconds: float | None, mib: int | None):
        self._function, self._items = function, items
        self._seconds, self._mib = seconds, mib
        self._next = 0
        self._workers: list[_Worker] = []
        self.results: dict[int, Any] = {}

    def start_worker(self) -> None:
        self._workers.append(_Worker(self._function, self._mib))

    def close(self) -> None:
        for worker in self._workers:
            worker.stop()

    def step(self) -> None:
        """Wait for the next message, death or deadline, and deal with it."""
        now = time.monotonic()
        patience = max(min(worker.deadline for worker in self._workers) - now, 0)
        answered = wait([worker.pipe for worker in self._workers], timeout=min(patience, 3600))
        for worker in list(self._workers):
            if worker.pipe in answered:
                self._receive(worker)
            elif time.monotonic() >= worker.deadline:
                limit = f"{self._seconds:g} s (dicom.decode_seconds)"
                self._replace(worker, f"took longer than {limit}")

    def _receive(self, worker: _Worker) -> None:
        try:
            result = worker.pipe.recv()
        except (EOFError, ConnectionError):
            worker.process.join()
            self._replace(worker, _death(worker.process.exitcode))
            return
        if worker.item is not None:
            self.results[worker.item] = result
        if self._next == len(self._items):
            self._workers.remove(worker)
            worker.stop()
            return
        worker.item, self._next = self._next, self._next + 1
        worker.deadline = time.monotonic() + (self._seconds or float("inf"))
        worker.pipe.send(self._items[worker.item])

    def _replace(self, worker: _Worker, reason: str) -> None:
        if worker.item is None:
            raise RuntimeError(f"A worker process could not start: it {reason}")
        self.results[worker.item] = Lost(f"the worker {reason}")
        self._workers.remove(worker)
        worker.stop()
        if self._next < len(self._items):
            self.start_worker()


def _death(exit_code: int | None) -> str:
    if exit_code == -9:
        return "was killed, probably for lack of memory (dicom.workers, dicom.decode_mib)"
    return f"died with exit code {exit_code}"


def _serve(pipe: Connection, function: Callable, mib: int | None) -> None:
    """What a worker does: say that it is ready, then answer items until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to stop
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
        pipe.send(function(item))
