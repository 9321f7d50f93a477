"""Lines that say how far a long work is and when it will end."""

import time

from pipeline.run.words import duration


class Progress:
    """Prints a line at most every `every_seconds`, and never the same twice.

    The time to finish comes from the work done here, not from what was done before a restart.
    """

    def __init__(self, title: str, total: int, *, every_seconds: float = 5.0):
        self._title = title
        self._total = total
        self._every = every_seconds
        self._started = self._printed = time.monotonic()

    def done(self, count: int) -> None:
        """Say that so many of the whole are done, if it is time."""
        now = time.monotonic()
        if count < self._total and now - self._printed < self._every:
            return
        self._printed = now
        seconds = now - self._started
        left = seconds / count * (self._total - count)
        print(
            f"{self._title}: {count} of {self._total} mammograms, "
            f"{count / max(seconds, 1e-9):.1f} per second, {duration(left)} left",
            flush=True,
        )
