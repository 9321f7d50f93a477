"""How far a long work is: a bar on a terminal, a line now and then elsewhere."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.progress import track

Item = TypeVar("Item")


def shown(
    results: Iterable[Item], total: int, title: str, *, every_seconds: float = 10.0
) -> Iterator[Item]:
    """Pass results on and show how many of `total` are there and how long the rest takes."""
    if sys.stdout.isatty():
        yield from track(results, description=title, total=total)
        return
    started = printed = time.monotonic()
    for count, result in enumerate(results, start=1):
        yield result
        now = time.monotonic()
        if now - printed >= every_seconds:
            printed = now
            left = (now - started) / count * (total - count)
            print(f"{title}: {count} of {total}, about {left:.0f} s left", flush=True)
