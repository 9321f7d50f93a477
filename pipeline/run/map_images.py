"""Work over images: one function, in processes of this machine or on a Dask cluster.

The environment's SCHEDULER names a cluster; without it nothing of Dask is imported.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.run.bounded_worker import HasItem, Lost, Worker, answered
from pipeline.run.cluster import SCHEDULER, map_on_cluster

__all__ = ["Lost", "Made", "default_workers", "map_images"]


def default_workers() -> int:
    """Number of cores that this process may use."""
    return len(os.sched_getaffinity(0))


@dataclass(frozen=True)
class Made(Sequence):
    """Items that are made when they are asked for."""

    make: Callable[[int], Any]
    length: int

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: Any) -> Any:
        if index >= self.length:
            raise IndexError(index)
        return self.make(index)


def map_images(
    function: Callable[[Any], Any],
    items: Sequence[Any],
    *,
    workers: int | None = None,
    seconds: float | None = None,
    mib: int | None = None,
    places: Sequence[Path] = (),
) -> Iterator[Any]:
    """Apply `function` to each item in worker processes; yield the results in item order.

    Args:
        function: a function of a module, called with one item; it must not raise.
        items: what it is called with, each taken once, in order, as late as can be, so that they
            need not exist all at a time; function, items and results must pass between processes.
        workers: number of processes; all cores if None. With 0 this process does the work, one
            item after the other and without the limits.
        seconds: time limit for one item, in s.
        mib: memory limit for one worker, in MiB.
        places: folders that the work needs, where other machines may do it: those of a cluster,
            if there is one, whose workers number what they number.

    Yields:
        The result of each item, or `Lost` where the worker was killed or out of time.

    Raises:
        UserError: a worker died before it had started; the cluster cannot do the work.
    """
    if places and items and (address := os.environ.get(SCHEDULER)):
        yield from map_on_cluster(
            address, function, items, seconds=seconds, mib=mib, places=places, bounded=workers != 0
        )
        return
    if workers == 0:
        yield from map(function, items)
        return
    pool = [Worker(function, mib) for _ in range(min(workers or default_workers(), len(items)))]
    given, results = 0, dict[int, Any]()
    try:
        for index in range(len(items)):
            while index not in results:
                for worker in answered(pool):
                    answer = worker.answer()
                    if isinstance(answer, HasItem):
                        continue
                    if worker.item is not None:
                        results[worker.item] = answer
                    if given < len(items) and not isinstance(answer, Lost):
                        worker.give(given, items[given], seconds)
                        given += 1
                        continue
                    pool.remove(worker)
                    worker.stop()
                    if given < len(items):
                        pool.append(Worker(function, mib))
            yield results.pop(index)
    finally:
        for worker in pool:
            worker.stop()
