"""Work over images on a Dask cluster; the one place that imports Dask, and only when it is used.

A worker of Dask reads and decodes files as this machine does: in a process with limits on memory
and time, which is lost with the file that kills it. A worker of Dask that dies itself costs
nothing, for its tasks go to the others. What Dask gives up because worker after worker died under
it is tried once more, alone and after all else, so that the file that kills workers is lost and not
those that were beside it.
"""

import contextlib
import functools
import multiprocessing
import os
import pickle
import queue
import socket
import sys
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.run.bounded_worker import HasItem, Lost, Worker, answered
from pipeline.run.checksum import value_sha256
from pipeline.run.code import code_sha256
from pipeline.run.errors import UserError
from pipeline.run.object_path import ObjectPath
from pipeline.run.words import duration

if TYPE_CHECKING:
    from distributed import Client, Future

SCHEDULER = "SCHEDULER"  # of the environment: tcp://host:port
_CONNECT_SECONDS = 30
_SAID_EVERY_SECONDS = 60  # that there are no workers
_AT_ONCE = 1000  # tasks that the scheduler knows of


@dataclass(frozen=True)
class _Work:
    """What is done with each item, the same for all of them."""

    function: bytes  # pickled
    key: str  # of the function and its limits
    bounded: bool  # in a process of its own with limits, instead of Dask's
    seconds: float | None
    mib: int | None
    module: str  # of the function
    code: str  # of the module, as a checksum
    folder: str  # that paths are relative to
    places: tuple[str, ...]  # folders that it needs, but for those of object stores


def map_on_cluster(
    address: str,
    function: Callable[[Any], Any],
    items: Sequence[Any],
    *,
    seconds: float | None,
    mib: int | None,
    places: Sequence[Path],
    bounded: bool,
) -> Iterator[Any]:
    """As `map_images`, by the workers of the scheduler at this address.

    Args:
        bounded: in processes with the limits; else in Dask's own, each of which then has
            `function`, and what it holds, once.

    Raises:
        UserError: Dask is not installed, no scheduler answers, a worker has other code or lacks a
            folder; or what `function` raised.
    """
    pickled, module = pickle.dumps(function), function.__module__
    folders = [place for place in places if not isinstance(place, ObjectPath)]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    work = _Work(
        function=pickled,
        key=value_sha256([pickled.hex(), mib]),
        bounded=bounded,
        seconds=seconds,
        mib=mib,
        module=module,
        code=code_sha256(module),
        folder=str(Path.cwd()),
        places=tuple(map(str, folders)),
    )
    with _client(address) as client:
        try:
            yield from _results(client, work, items)
        finally:
            if client.status == "running":  # the scheduler is there
                with contextlib.suppress(OSError):  # and may go this moment
                    client.run(_stop_processes, work.key, on_error="ignore")


def _client(address: str) -> "Client":
    try:
        from distributed import Client
    except ImportError as error:
        raise UserError(
            f"{SCHEDULER}={address} needs Dask, which is no part of the usual set-up: "
            "make setup-scale installs it."
        ) from error
    try:
        return Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise UserError(
            f"No Dask scheduler answers at {SCHEDULER}={address}: {error}. It must be "
            "tcp://host:port, as the scheduler prints it when it starts."
        ) from error


def _results(client: "Client", work: _Work, items: Sequence[Any]) -> Iterator[Any]:
    from distributed import KilledWorker

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sending large graph")  # a network, once
        # As the result of a task it comes to each worker once, and is made again if workers die.
        shared = client.submit(_itself, work, pure=False)
    waiting, given_up = deque(range(len(items))), deque[int]()
    running: dict[Future, int] = {}
    results: dict[int, Any] = {}
    address = client.scheduler.address  # which a client forgets whose scheduler is gone
    errors: dict[int, UserError] = {}  # told in their turn: what is done before is not lost
    alone = set[int]()  # those of `given_up` that were tried again
    done: queue.SimpleQueue[Future] = queue.SimpleQueue()
    for index in range(len(items)):
        while index not in results:
            if index in errors:
                raise errors[index]
            if not waiting and not running:
                waiting.append(given_up.popleft())
                alone.update(waiting)
            while waiting and len(running) < _AT_ONCE:
                number = waiting.popleft()
                future = client.submit(_do, shared, items[number], pure=False)
                running[future] = number
                future.add_done_callback(done.put)
            future = _next(done, client, address)
            number = running.pop(future)
            try:
                results[number] = _result(future, address)
            except KilledWorker:
                if number in alone:
                    results[number] = Lost("the workers of the cluster that had it died")
                else:
                    given_up.append(number)
            except UserError as error:
                errors[number] = error
                waiting.clear()  # those before it are all with the workers
        yield results.pop(index)


def _result(future: "Future", address: str) -> Any:
    """What a task of the scheduler at `address` ended with; KilledWorker stays as it is."""
    from distributed import KilledWorker

    try:
        return future.result()
    except (KilledWorker, UserError):
        raise
    except Exception as error:  # what a worker lacks, and what cannot be sent, has any type
        if future.status != "error":  # it did not end, or its result did not get here
            raise UserError(
                f"The scheduler {address} is gone. The same command goes on with what is done."
            ) from error
        raise UserError(
            f"A worker of {address} could not work: {type(error).__name__}: {error}. Workers need "
            "the same code and packages, and are started in the project's folder: docs/cluster.md."
        ) from error


def _next(done: "queue.SimpleQueue[Future]", client: "Client", address: str) -> "Future":
    """The next task that has ended; says now and then that there are no workers."""
    started = time.monotonic()
    while True:
        with contextlib.suppress(queue.Empty):
            return done.get(timeout=_SAID_EVERY_SECONDS)
        try:
            workers = client.nthreads()
        except OSError:  # the scheduler goes this moment: then all tasks end
            continue
        if not workers:
            print(
                f"waiting for workers: {address} has had none for "
                f"{duration(time.monotonic() - started)}",
                file=sys.stderr,
                flush=True,
            )


# What follows runs on a worker of Dask.


def _itself(work: _Work) -> _Work:
    return work


def _do(work: _Work, item: Any) -> Any:
    _check_place(work)
    if work.bounded:
        return _in_process(work, item)
    with _one_at_a_time:
        return _loaded(work)(item)


@functools.lru_cache(maxsize=4)
def _check_place(work: _Work) -> None:
    """Go to the folder of the work."""
    host = socket.gethostname()
    if Path(work.folder).is_dir():
        os.chdir(work.folder)
    if lacking := [place for place in work.places if not Path(place).is_dir()]:
        raise UserError(
            f"The worker on {host} has no folder {lacking[0]} in {Path.cwd()}. Workers need it "
            "under the same path, or on an object store: docs/cluster.md."
        )
    if code_sha256(work.module) != work.code:
        raise UserError(
            f"The worker on {host} has other code than this machine. Bring it up to date and "
            "start it anew."
        )


_one_at_a_time = threading.Lock()
_function: dict[str, Callable[[Any], Any]] = {}


def _loaded(work: _Work) -> Callable[[Any], Any]:
    """The function of the work: one in this process, with the network that it holds."""
    if work.key not in _function:
        _function.clear()
        _function[work.key] = pickle.loads(work.function)
    return _function[work.key]


# By thread of this worker: whose process it is, by the key of its work.
_processes: dict[int, tuple[str, Worker]] = {}


def _in_process(work: _Work, item: Any) -> Any:
    """The answer of a process with limits that this thread keeps from task to task."""
    thread = threading.get_ident()
    key, process = _processes.get(thread, ("", None))
    if key != work.key or not process:
        if process:
            process.stop()
        # Those of Dask are daemons, which may have no processes.
        multiprocessing.current_process().daemon = False
        process = Worker(pickle.loads(work.function), _limit(work.mib))
        _processes[thread] = work.key, process
        _answer(process)
    process.give(0, item, work.seconds)
    answer = _answer(process)
    if isinstance(answer, Lost):
        _processes.pop(thread)[1].stop()
    return answer


def _answer(process: Worker) -> Any:
    while True:
        if answered([process]) and not isinstance(answer := process.answer(), HasItem):
            return answer


def _limit(mib: int | None) -> int | None:
    """The memory limit of a process, in MiB: not more than its part of that of Dask's worker."""
    from distributed import get_worker

    worker = get_worker()
    if not (most := worker.memory_manager.memory_limit):
        return mib
    own = most // worker.state.nthreads // 2**20
    return min(mib, own) if mib else own


def _stop_processes(key: str) -> None:
    for thread, (of, process) in list(_processes.items()):
        if of == key:
            del _processes[thread]
            process.stop()
