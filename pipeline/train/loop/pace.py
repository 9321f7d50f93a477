"""How fast a training goes, and when it will be done."""

import time

from pipeline.config import TrainSettings

SECONDS_BETWEEN_REPORTS = 5.0


class Pace:
    """The speed of the steps since the last report, and the time to the end.

    Args:
        step: the first one.
    """

    def __init__(self, train: TrainSettings, *, step: int):
        self.validation_seconds: float | None = None
        self._train = train
        self.restart(step)

    def restart(self, step: int) -> None:
        """Measure from here on."""
        self.step, self._since, self._paused = step, time.monotonic(), 0.0

    def pause(self, seconds: float) -> None:
        """So much time went into other work than steps."""
        self._paused += seconds

    def is_due(self) -> bool:
        """Whether it is time for a report."""
        return time.monotonic() - self._since >= SECONDS_BETWEEN_REPORTS

    def step_seconds(self, step: int) -> float:
        """Mean time of the steps since the last report."""
        return (time.monotonic() - self._since - self._paused) / max(step - self.step, 1)

    def validations_left(self, step: int) -> int:
        """Validations that end the epochs from this step on, that of the step itself too."""
        return self._train.epochs - (step - 1) // self._train.steps_per_epoch

    def seconds_left(self, step: int) -> float:
        """Time that the coming steps and validations will take."""
        steps = self._train.epochs * self._train.steps_per_epoch - step
        validations = self.validations_left(step) * (self.validation_seconds or 0.0)
        return steps * self.step_seconds(step) + validations
