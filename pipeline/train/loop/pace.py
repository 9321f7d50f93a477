"""How fast a training goes, and when it will be done."""

import time

SECONDS_BETWEEN_REPORTS = 5.0


class Pace:
    """The speed of the steps since the last report, and the time to the end.

    Args:
        steps: of the whole training.
        steps_per_epoch: each epoch ends with a validation.
        step: the first one.
    """

    def __init__(self, *, steps: int, steps_per_epoch: int, step: int):
        self.validation_seconds: float | None = None
        self._steps = steps
        self._steps_per_epoch = steps_per_epoch
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

    def validations_left(self, validated: int) -> int:
        """Validations that are still to come after that of this step."""
        return (self._steps - validated) // self._steps_per_epoch

    def seconds_left(self, step: int, *, validated: int) -> float:
        """Time that the coming steps and validations will take."""
        validations = self.validations_left(validated) * (self.validation_seconds or 0.0)
        return (self._steps - step) * self.step_seconds(step) + validations
