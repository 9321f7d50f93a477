"""What the event log of a run tells of its stages: each attempt, what became of it, how long.

It imports no mlflow, so that a call with nothing to send costs little.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.run.signals import SIGNALS

RUNNING, FINISHED, FAILED, KILLED = "RUNNING", "FINISHED", "FAILED", "KILLED"
# How a stage that a signal ended says so.
_BY_SIGNAL = tuple(f"SystemExit: {128 + number}" for number in SIGNALS)

Event = dict[str, Any]


@dataclass
class Attempt:
    """A stage from its start to its end, also in several sessions with the same settings."""

    stage: str
    first: int  # index in the log of its first event
    events: list[tuple[int, Event]] = field(default_factory=list)  # its events and their indices
    # another stage of the run, or the same one with other settings, has started since, so that this
    # one goes on no more
    overtaken: bool = False

    @property
    def name(self) -> str:
        """In the key of its run of MLflow."""
        return str(self.first)

    @property
    def pictures(self) -> str:
        """The same of the run of its pictures by step."""
        return f"{self.first}-pictures"

    @property
    def model(self) -> str:
        """The same of the model that it left."""
        return f"{self.first}-model"

    @property
    def settings(self) -> dict[str, dict]:
        """By section and name."""
        return self.events[0][1]["settings"]

    @property
    def ended(self) -> Event | None:
        """The event that ended its last session; None where that is open."""
        mark = next(e for _, e in reversed(self.events) if e["event"] in ("start", "finish"))
        return mark if mark["event"] == "finish" else None

    @property
    def is_finished(self) -> bool:
        """Whether its work was done; what starts after that is another attempt."""
        return bool(self.ended and self.ended["status"] == "finished")

    @property
    def error(self) -> str:
        """The sentence of a failure."""
        return self.ended["message"].removeprefix("UserError: ") if self.ended else ""

    def status(self, *, in_use: bool) -> str:
        """What became of it.

        Args:
            in_use: whether a process works on the run folder.
        """
        if self.is_finished:
            return FINISHED
        if self.ended:
            return KILLED if self.ended["message"] in _BY_SIGNAL else FAILED
        return RUNNING if in_use and not self.overtaken else KILLED

    def state(self, *, in_use: bool) -> str:
        """Status and end, which MLflow is told when they change."""
        status = self.status(in_use=in_use)
        return status if status == RUNNING else f"{status} {self.end_ms}"

    def has(self, kind: str) -> bool:
        """Whether it logged an event of that kind."""
        return any(event["event"] == kind for _, event in self.events)

    @property
    def begin_ms(self) -> int:
        """When it started, in milliseconds."""
        return milliseconds(self.events[0][1])

    @property
    def end_ms(self) -> int:
        """When it ended, or was last heard of, in milliseconds."""
        return milliseconds(self.ended or self.events[-1][1])

    @property
    def values(self) -> dict[str, float]:
        """Its metrics that are no curve, each as it was last."""
        single = (e["values"] for _, e in self.events if e["event"] == "metrics" and not e["step"])
        return {name: value for values in single for name, value in values.items()}


def read_attempts(events: Sequence[Event]) -> list[Attempt]:
    """The attempts of a log in order of their starts; what no start precedes is left out."""
    attempts: list[Attempt] = []
    current: dict[str, Attempt] = {}
    for index, event in enumerate(events):
        stage = event["stage"]
        if event["event"] == "start":
            for other in current.values():
                other.overtaken = True
            before = current.get(stage)
            if before and not before.is_finished and before.settings == event["settings"]:
                before.overtaken = False
            else:
                current[stage] = Attempt(stage, index)
                attempts.append(current[stage])
        if stage in current:
            current[stage].events.append((index, event))
    return attempts


def unsent(attempts: Iterable[Attempt], *, sent: int) -> Iterator[tuple[int, Event, Attempt]]:
    """The events from an index on, in order, each with its attempt."""
    every = [(index, event, each) for each in attempts for index, event in each.events]
    yield from sorted((e for e in every if e[0] >= sent), key=lambda e: e[0])


def milliseconds(event: Event) -> int:
    """When an event was logged."""
    return int(event["time"] * 1000)
