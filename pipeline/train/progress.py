"""What a user sees while a training runs."""

import sys
import time

from pipeline.run.words import duration

SECONDS_BETWEEN_LINES = 5.0


class Progress:
    """Prints a line every few seconds; on a terminal it stays one line."""

    def __init__(self, *, steps: int, batch: int, first_step: int):
        self._steps = steps
        self._batch = batch
        self._shown = time.monotonic()
        self.shown_step = first_step
        self._open_line = False

    def restart(self, step: int) -> None:
        """Measure the speed from here on."""
        self._shown, self.shown_step = time.monotonic(), step

    def due(self) -> bool:
        """Whether it is time for a line."""
        return time.monotonic() - self._shown >= SECONDS_BETWEEN_LINES

    def step_seconds(self, step: int, *, paused: float) -> float:
        """Mean time of the steps since the last line.

        Args:
            paused: seconds since then that went into other work than steps.
        """
        return (time.monotonic() - self._shown - paused) / max(step - self.shown_step, 1)

    def step(
        self, step: int, *, loss: float, rate: float, paused: float, validations: float
    ) -> float:
        """Show the state after `step` steps; returns crops per second since the last line.

        Args:
            paused: as in `step_seconds`.
            validations: seconds that the coming validations will take.
        """
        seconds = self.step_seconds(step, paused=paused)
        speed = self._batch / max(seconds, 1e-6)
        left = (self._steps - step) * seconds + validations
        self._line(
            f"step {step}/{self._steps}  loss {loss:.4f}  rate {rate:.1e}  "
            f"{speed:.1f} crops/s  {duration(left)} left"
        )
        self.restart(step)
        return speed

    def say(self, text: str) -> None:
        """Print a line that stays."""
        self.close()
        print(text, flush=True)

    def close(self) -> None:
        """End the line of a terminal."""
        if self._open_line:
            print(flush=True)
            self._open_line = False

    def _line(self, text: str) -> None:
        if sys.stdout.isatty():
            print(f"\r\x1b[K{text}", end="", flush=True)
            self._open_line = True
        else:
            print(text, flush=True)
