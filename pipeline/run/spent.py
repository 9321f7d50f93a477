"""What a work takes: time, and processor time of this process and of its workers."""

import resource
import time
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class Spent:
    """In seconds."""

    seconds: float  # of the clock
    own: float  # processor time of this process
    workers: float  # that of its child processes that have ended; of other machines nothing
    items: int | None = None  # that were worked on, None where they are not counted

    @classmethod
    def so_far(cls) -> Self:
        """By this process since it started; the clock counts from anywhere."""
        own, workers = (
            usage.ru_utime + usage.ru_stime
            for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        )
        return cls(time.monotonic(), own, workers)

    def since(self, begun: "Spent") -> "Spent":
        """What came between."""
        return Spent(
            self.seconds - begun.seconds, self.own - begun.own, self.workers - begun.workers
        )

    @property
    def processor(self) -> float:
        """Processor time of all."""
        return self.own + self.workers
