"""A figure with its interval, or the reason why there is none."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipeline.figures.bootstrap import percentile_interval
from pipeline.figures.undefined import Undefined


@dataclass(frozen=True)
class Figure:
    """What a table shows: value, interval, number of units; None where undefined."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    reason: str = ""

    def as_dict(self) -> dict:
        """For JSON; `reason` only where something is undefined."""
        shown = {"value": self.value, "low": self.low, "high": self.high, "n": self.n}
        return shown | ({"reason": self.reason} if self.reason else {})


def figure_of(
    value: Callable[[], float], samples: Callable[[], np.ndarray], *, n: int, confidence: float
) -> Figure:
    """Compute a figure and its interval, and keep the reason where one is undefined.

    Args:
        value: computes the figure; may raise Undefined.
        samples: computes it in each bootstrap sample, (samples,); only called when it is defined.
        n: number of units that the figure is about.
    """
    try:
        known = value()
    except Undefined as why:
        return undefined_figure(str(why), n=n)
    try:
        low, high = percentile_interval(samples(), confidence=confidence)
    except Undefined as why:
        return Figure(known, None, None, n, str(why))
    return Figure(known, low, high, n)


def undefined_figure(reason: str, *, n: int = 0) -> Figure:
    """A figure without a value."""
    return Figure(None, None, None, n, reason)
