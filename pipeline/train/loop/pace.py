"""How fast a training goes, and when all of it will be done: its maps and fits, later networks."""

import time

from pipeline.config import TrainSettings
from pipeline.train.first_weights import ALONE, Member

SECONDS_BETWEEN_REPORTS = 5.0
# Curves, fits and files of a model, on 2 idle cores; of an ensemble for each network once more.
_ENDING_SECONDS = 4.0
# How much the last report counts beside those before: a busy minute is no trend.
_NEWEST = 0.3


class Pace:
    """The speed of the steps, and the time to the end.

    Args:
        step: the first one.
        map_work: passes over a mammogram for its map at the end, beside the one of a validation.
        member: of the ensemble, of which the networks that come later take as long.
    """

    def __init__(
        self, train: TrainSettings, *, step: int, map_work: float = 1.0, member: Member = ALONE
    ):
        self.validation_seconds: float | None = None
        self._train, self._map_work, self._member = train, map_work, member
        self._usual: float | None = None
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

    def report(self, step: int) -> float:
        """Seconds of a step since the last report, from which on is measured."""
        seconds = self.step_seconds(step)
        usual = self._usual or seconds
        self._usual = usual + _NEWEST * (seconds - usual)
        self.restart(step)
        return seconds

    def step_seconds(self, step: int) -> float:
        """Mean time of the steps since the last report."""
        return (time.monotonic() - self._since - self._paused) / max(step - self.step, 1)

    def validations_left(self, step: int) -> int:
        """Validations that end the epochs from this step on, that of the step itself too."""
        return self._train.epochs - (step - 1) // self._train.steps_per_epoch

    def seconds_left(self, step: int) -> float | None:
        """Time to the end of the whole training: steps, validations, maps, fits, later networks.

        None before the first report.
        """
        if self._usual is None:
            return None
        steps = self._train.epochs * self._train.steps_per_epoch - step
        return self._seconds(steps, self.validations_left(step)) + self.later_seconds()

    def ending_seconds(self) -> float:
        """Time for the maps at the end of a network and what is fitted on them."""
        return self._map_work * (self.validation_seconds or 0.0) + _ENDING_SECONDS

    def later_seconds(self) -> float:
        """Time for the networks that come later, and for what is fitted to all together."""
        train, member = self._train, self._member
        one = self._seconds(train.epochs * train.steps_per_epoch, train.epochs)
        together = member.count * _ENDING_SECONDS if member.count > 1 else 0.0
        return (member.count - member.number) * one + together

    def _seconds(self, steps: int, validations: int) -> float:
        """Of a network with so many steps and validations to come."""
        validating = validations * (self.validation_seconds or 0.0)
        return steps * (self._usual or 0.0) + validating + self.ending_seconds()
