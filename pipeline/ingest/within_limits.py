"""Work on many files of a data set, each in a worker process with limits on its memory and time."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pipeline.config import DicomSettings
from pipeline.run.map_images import default_workers, map_images
from pipeline.run.progress import shown


def within_limits(
    limits: DicomSettings | None,
    function: Callable[[Any], Any],
    items: Sequence[Any],
    *,
    for_a_worker: int,
    title: str,
) -> Iterator[Any]:
    """What `function` gives for each item, in their order, or `Lost`; with how far it is.

    Args:
        limits: None: in this process, without any.
        for_a_worker: number of items that are done in the time that another worker takes to start.
        title: of the work.
    """
    if limits is None:
        yield from map(function, items)
        return
    workers = limits.workers
    if workers is None:
        workers = min(default_workers(), 1 + len(items) // for_a_worker)
    ends = map_images(
        function, items, workers=workers, seconds=limits.decode_seconds, mib=limits.decode_mib
    )
    yield from shown(ends, len(items), title)
