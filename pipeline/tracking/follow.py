"""Uploads while a stage runs."""

from collections.abc import Callable
from pathlib import Path


def follow(
    bring: Callable[[bool], object], *, process: int, seconds: float, wait: Callable[[float], None]
) -> None:
    """Call `bring` every so many seconds until a process is gone, and then until nothing may come.

    Args:
        bring: uploads; told whether the process runs. Returns whether more may come after its end.
        wait: sleeps for so many seconds.
    """
    since, begun = 0.0, _begun(process)
    while begun and _begun(process) == begun:
        wait(1.0)
        since += 1.0
        if since >= seconds:
            bring(True)
            since = 0.0
    while bring(False):
        wait(seconds)


def _begun(process: int) -> str:
    """When a process began; "" where there is none, or one that ended and nobody asked after.

    In a container nobody may ever ask, and a number of a process comes again.
    """
    try:
        text = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = text.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]
