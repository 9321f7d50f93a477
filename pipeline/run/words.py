"""Numbers as people say them, and tables of text."""

from collections.abc import Sequence


def duration(seconds: float) -> str:
    """Seconds as `45 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = round(seconds)
    if whole < 90:
        return f"{whole} s"
    if whole < 5400:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def percent(share: float, at_most: float = 1.0) -> str:
    """A share with two significant digits: `34 %`, `3.4 %`, `0.34 %`, `<0.01 %`, `0 %`.

    Args:
        at_most: the highest that can be told; there and above it is `96 % or more`.
    """
    if share >= at_most < 1:
        return f"{percent(at_most)} or more"
    value = 100 * share
    if value in (0, 100):
        return f"{value:.0f} %"
    if value < 0.01:
        return "<0.01 %"
    digits = 2 if value < 0.995 else 1 if value < 9.95 or value >= 99.5 else 0
    return f"{value:.{digits}f} %" if value < 99.95 else ">99.9 %"


def storage(count: float) -> str:
    """Bytes as `25 MB`, `1.9 GB`, `160 GB`."""
    if count < 0.9995e9:
        return f"{count / 1e6:.0f} MB"
    return f"{count / 1e9:.1f} GB" if count < 9.95e9 else f"{count / 1e9:,.0f} GB"


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """A table for the terminal: the first column to the left, the others to the right.

    Example:
        >>> print(aligned([("", "before"), ("temperature", "1.2")]))
                     before
        temperature     1.2
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if at else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
