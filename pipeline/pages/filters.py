"""How numbers are written on pages, in tables and in sentences.

A figure is what `figures.Figure.as_dict` gives: value, low, high, n and, where one of the first
three is None, a reason.
"""

import datetime
from collections.abc import Iterable, Mapping

from pipeline.run.words import duration, percent


def number(value: float | None, digits: int = 3, undefined: str = "undefined") -> str:
    """A number, or what stands for None and NaN."""
    return undefined if value is None or value != value else f"{value:.{digits}f}"


def significant(value: float | None) -> str:
    """A number with four significant digits; a large one whole; `–` for None."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.4g}"


def change(value: float, digits: int = 3) -> str:
    """A number with its sign."""
    return f"{value:+.{digits}f}"


def whole(value: int) -> str:
    """A whole number with its thousands apart."""
    return f"{value:,}"


def interval(figure: Mapping) -> str:
    """`0.850 to 0.950`; empty where there is none."""
    if figure.get("low") is None or figure.get("high") is None:
        return ""
    return f"{figure['low']:.3f} to {figure['high']:.3f}"


def figure_text(
    figure: Mapping | float | None, digits: int = 4, undefined: str = "undefined"
) -> str:
    """A figure with its interval, `0.901 (0.850 to 0.950)`, or a mere number with these digits.

    Args:
        undefined: what stands for a figure that has no value.
    """
    if not isinstance(figure, Mapping):
        return number(figure, digits, undefined)
    within = interval(figure)
    return number(figure["value"], undefined=undefined) + (f" ({within})" if within else "")


def value_or_reason(figure: Mapping) -> str:
    """The value of a figure, or why it has none."""
    if figure["value"] is None and figure.get("reason"):
        return f"undefined: {figure['reason']}"
    return number(figure["value"])


def at_rate(points: Iterable[Mapping], fp_per_image: float) -> Mapping | None:
    """The point of an FROC curve at that many false positives per image, if it is there."""
    return next((point for point in points if point["fp_per_image"] == fp_per_image), None)


def sensitivity(point: Mapping | None) -> str:
    """The sensitivity of a point, with a star where its rate is not reached; empty without it."""
    if point is None:
        return ""
    return number(point["sensitivity"]) + ("" if point.get("reached", True) else " *")


def moment(seconds: float) -> str:
    """Unix seconds as `2026-11-28 21:07 UTC`."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")


FILTERS = {
    "at_rate": at_rate,
    "whole": whole,
    "change": change,
    "duration": duration,
    "figure": figure_text,
    "interval": interval,
    "moment": moment,
    "number": number,
    "percent": percent,
    "sensitivity": sensitivity,
    "significant": significant,
    "value_or_reason": value_or_reason,
}
