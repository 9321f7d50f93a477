"""How far a long work is, and when all of it will be done: a bar on a terminal, lines elsewhere."""

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Self, TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Column

from pipeline.run.spent import Spent
from pipeline.run.words import duration

Item = TypeVar("Item")
SECONDS_BETWEEN_LINES = 10.0


class Plan:
    """When a work of several parts will be done.

    Attributes:
        title: of the whole work.
        parts: by name, in their order, the seconds that each takes on 2 idle cores. They count as
            long as nothing was measured; then what was measured says how much slower it goes here.
    """

    def __init__(self, title: str, parts: Mapping[str, float]):
        self.title = title
        self.parts = dict(parts)
        self._spent: dict[str, Spent] = {}
        self._part, self._since = "", Spent.so_far()
        self._items: int | None = None

    def begin(self, part: str, *, items: int | None = None) -> None:
        """From here on the time goes into this part, which works on so many items."""
        self._spent = self.spent()
        self._part, self._since, self._items = part, Spent.so_far(), items

    def spent(self) -> dict[str, Spent]:
        """What each part has taken; of the present one up to here."""
        if not self._part:
            return self._spent
        now = replace(Spent.so_far().since(self._since), items=self._items)
        return self._spent | {self._part: now}

    def say(self, part: str) -> None:
        """Begin a part that tells nothing itself, and print it with the time left."""
        self.begin(part)
        seconds = self.parts[part] * self._slower(0.0) + self.later(0.0)
        print(f"{self.title}: {part}, {duration(seconds)} left", flush=True)

    def later(self, share: float) -> float:
        """Seconds that the parts to come will take where so much of the present one is done."""
        names = list(self.parts)
        coming = names[names.index(self._part) + 1 :]
        return self._slower(share) * sum(self.parts[name] for name in coming)

    def _slower(self, share: float) -> float:
        """How many times as long as expected it has taken so far; 1 where that is not known."""
        expected = share * self.parts[self._part] + sum(self.parts[p] for p in self._spent)
        counted = self.spent() if share else self._spent
        spent = sum(of.seconds for of in counted.values())
        return spent / expected if expected > 0 else 1.0


class Line:
    """A line that tells how far a work is.

    On a terminal `show` rewrites one line, with a bar, below those of `keep`; elsewhere every line
    stays, and one comes every few seconds.
    """

    def __init__(self, *, every_seconds: float = SECONDS_BETWEEN_LINES) -> None:
        console = Console(highlight=False, soft_wrap=True)
        self._every, self._shown_at = every_seconds, time.monotonic()
        self._bar = None
        if console.is_terminal:
            text = TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True))
            self._bar = Progress(
                BarColumn(20), text, console=console, auto_refresh=False, transient=True
            )
            self._task = self._bar.add_task("", total=1.0, visible=False)

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *error) -> None:
        if self._bar:
            self._bar.stop()

    def is_due(self) -> bool:
        """Whether it is time to show something again."""
        return bool(self._bar) or time.monotonic() - self._shown_at >= self._every

    def show(self, text: str, *, share: float, left: float | None) -> None:
        """Say how far the work is.

        Args:
            share: of the work that is done, for the bar.
            left: seconds to its end, None where it is not known yet.
        """
        self._shown_at = time.monotonic()
        said = text if left is None else f"{text}, {duration(left)} left"
        if self._bar:
            self._bar.update(self._task, description=said, completed=share, visible=True)
            self._bar.refresh()
        else:
            print(said, flush=True)

    def keep(self, text: str) -> None:
        """Print a line that stays."""
        if self._bar:
            self._bar.console.print(text, markup=False)
        else:
            print(text, flush=True)


def shown(
    items: Iterable[Item], total: int, title: str, *, plan: Plan | None = None
) -> Iterator[Item]:
    """Pass items on and show how many of `total` the caller is done with.

    The time to finish counts from the first item on, whose wait is the start of the workers, and
    includes the parts that follow.

    Args:
        title: of the work; a part of `plan`, where there is one.
    """
    began = time.monotonic()
    what = title
    if plan:
        plan.begin(title, items=total)
        what = f"{plan.title}: {title}"
    with Line() as line:
        first = 0.0
        for count, item in enumerate(items, start=1):
            yield item
            now = time.monotonic()
            first = first or now
            later = plan.later(count / total) if plan else 0.0
            if count == total:
                then = f", {duration(later)} left" if later >= 1 else ""
                line.keep(f"{what}: {total} in {duration(now - began)}{then}")
            elif line.is_due():
                left = (now - first) / (count - 1) * (total - count) + later if count > 1 else None
                line.show(f"{what}: {count} of {total}", share=count / total, left=left)
