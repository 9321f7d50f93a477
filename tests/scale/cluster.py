"""A Dask cluster on this machine: scheduler and workers as processes of their own, as users start
them.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return asked.getsockname()[1]


@dataclass
class Cluster:
    """A scheduler with its workers."""

    address: str
    started: list[subprocess.Popen] = field(default_factory=list)

    def start(self, *words: str) -> subprocess.Popen:
        """Start `dask WORDS`."""
        environment = {
            **os.environ,
            # Two deaths of workers under a task are enough here.
            "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1",
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *words],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def add_workers(self, count: int, *more: str) -> None:
        """Start workers, each with one thread and a nanny that starts it again when it dies."""
        before = len(self.worker_pids())
        self.start(
            *("worker", self.address, "--nworkers", str(count), "--nthreads", "1"),
            # By itself a worker takes the memory of one of many cores, be it how little that is.
            *("--no-dashboard", "--memory-limit", "4000MiB", "--death-timeout", "600", *more),
        )
        self.wait_for(before + count)

    def wait_for(self, count: int) -> None:
        from distributed import Client

        with Client(self.address, set_as_default=False) as client:
            client.wait_for_workers(count, timeout=600)

    def worker_pids(self) -> list[int]:
        from distributed import Client

        with Client(self.address, set_as_default=False) as client:
            return list(client.run(os.getpid).values())

    def stop(self) -> None:
        for process in self.started:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextlib.contextmanager
def cluster(workers: int) -> Iterator[Cluster]:
    """A cluster of so many workers."""
    port = free_port()
    made = Cluster(f"tcp://127.0.0.1:{port}")
    try:
        made.start("scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard")
        deadline = time.monotonic() + 300
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            assert made.started[0].poll() is None, "the scheduler ends: make setup-scale"
            assert time.monotonic() < deadline, "the scheduler does not start"
            time.sleep(0.1)
        if workers:
            made.add_workers(workers)
        yield made
    finally:
        made.stop()
