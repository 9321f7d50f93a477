"""How far a long work is: a bar on a terminal, a line now and then elsewhere."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.progress import track

from pipeline.run.words import duration

Item = TypeVar("Item")


def shown(
    items: Iterable[Item], total: int, title: str, *, every_seconds: float = 10.0
) -> Iterator[Item]:
    """Pass items on and show how many of `total` the caller is done with.

    The time to finish counts from the first item on, whose wait is the start of the workers.
    """
    if sys.stdout.isatty():
        yield from track(items, description=title, total=total)
        return
    first = printed = 0.0
    for count, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if count == 1:
            first = printed = now
        elif now - printed >= every_seconds or count == total:
            printed = now
            left = (now - first) / (count - 1) * (total - count)
            print(f"{title}: {count} of {total}, {duration(left)} left", flush=True)
