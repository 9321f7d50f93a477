"""How everything here is measured: ways that do the same, in turn, and the ratio of their times.

What counts is processor time, which other work on the machine changes little; wall time stands
beside it. The ways are measured in turn, A B A B, so that whatever changes meets all of them.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

Way = Callable[[], object]


class Elsewhere(NamedTuple):
    """What a way gives that another process does: the seconds that it took."""

    processor: float
    wall: float


@dataclass(frozen=True)
class Row:
    """One figure.

    Attributes:
        name: what is compared.
        ratio: times as fast as the other way, or what `at_most` bounds.
        target: what it should reach; None where it is only stated.
        at_most: the target is an upper bound.
        quartiles: of the ratio over the repeats; equal to it where it was measured once.
        wall_ratio: the same of wall time; None where time is not what is measured.
        seconds: median processor time of each way.
        note: what else there is to know.
    """

    name: str
    ratio: float
    target: float | None = None
    at_most: bool = False
    quartiles: tuple[float, float] | None = None
    wall_ratio: float | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target is reached; None without one."""
        if self.target is None:
            return None
        return bool(self.ratio <= self.target if self.at_most else self.ratio >= self.target)


@dataclass(frozen=True)
class Times:
    """Seconds of each repeat of each way, by its name, (repeats,) each."""

    processor: Mapping[str, np.ndarray]
    wall: Mapping[str, np.ndarray]

    def times(self, **factors: float) -> "Times":
        """The same where these ways did a part of the work only, and how many such there are."""
        kinds = [
            {way: seconds * factors.get(way, 1) for way, seconds in of.items()}
            for of in (self.processor, self.wall)
        ]
        return Times(*kinds)

    def row(
        self,
        name: str,
        ours: str,
        other: str,
        *,
        target: float | None = None,
        at_most: bool = False,
        beyond: str = "",
        note: str = "",
    ) -> Row:
        """How many times as fast `ours` is as `other`; with `at_most` how much longer it takes.

        Args:
            ours, other: names of ways.
            beyond: a way that both contain, whose time is taken off both.
        """
        ratios = {}
        for kind, times in (("processor", self.processor), ("wall", self.wall)):
            off = times[beyond] if beyond else 0.0
            mine, others = times[ours] - off, times[other] - off
            ratios[kind] = mine / others if at_most else others / mine
        low, middle, high = np.percentile(ratios["processor"], [25, 50, 75]).round(3).tolist()
        return Row(
            name=name,
            ratio=middle,
            target=target,
            at_most=at_most,
            quartiles=(low, high),
            wall_ratio=round(float(np.median(ratios["wall"])), 3),
            seconds={
                way: float(f"{np.median(self.processor[way]):.4g}")
                for way in filter(None, (ours, other, beyond))
            },
            note=note,
        )


def interleaved(ways: Mapping[str, Way], repeats: int) -> Times:
    """Do each way in turn, after one round that does not count.

    Args:
        ways: what to do, by name; all threads of this process count, and what was `Elsewhere`.
        repeats: rounds.
    """
    seconds = {kind: {name: list[float]() for name in ways} for kind in ("processor", "wall")}
    for turn in range(repeats + 1):
        for name, way in ways.items():
            begun = time.process_time(), time.perf_counter()
            given = way()
            ended = time.process_time(), time.perf_counter()
            took = [end - start for start, end in zip(begun, ended, strict=True)]
            if turn:
                counted = given if isinstance(given, Elsewhere) else took
                for of, each in zip(seconds.values(), counted, strict=True):
                    of[name].append(each)
    processor, wall = (
        {name: np.array(found) for name, found in of.items()} for of in seconds.values()
    )
    return Times(processor, wall)
