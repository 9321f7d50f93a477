"""How far a long work is: a bar or a line on a terminal, a line now and then elsewhere."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import Self, TypeVar

from rich.console import Console
from rich.live import Live
from rich.progress import track
from rich.text import Text

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


class Line:
    """What is said of a long work that tells more than its number of items.

    On a terminal `show` rewrites one line below those of `keep`; elsewhere every line stays.
    """

    def __init__(self) -> None:
        console = Console(highlight=False, soft_wrap=True)
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *error) -> None:
        if self._live:
            self._live.stop()

    def show(self, text: str) -> None:
        """Say how far the work is."""
        if self._live:
            self._live.update(Text(text, overflow="ellipsis", no_wrap=True), refresh=True)
        else:
            print(text, flush=True)

    def keep(self, text: str) -> None:
        """Print a line that stays."""
        if self._live:
            self._live.console.print(Text(text))
        else:
            print(text, flush=True)
