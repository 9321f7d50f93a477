"""What a work takes: time, and processor time of the thread that does it and of its workers."""

import resource
import time
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class Spent:
    """In seconds."""

    seconds: float  # of the clock
    own: float  # processor time of the thread that asks, the first one of a stage
    # that of the other threads of its process, and of child processes that have ended; of other
    # machines nothing
    workers: float
    items: int | None = None  # that were worked on, None where they are not counted

    @classmethod
    def so_far(cls) -> Self:
        """By this process since it started; the clock counts from anywhere."""
        whose = (resource.RUSAGE_THREAD, resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        thread, process, children = (
            usage.ru_utime + usage.ru_stime for usage in map(resource.getrusage, whose)
        )
        return cls(time.monotonic(), thread, process - thread + children)

    def since(self, begun: "Spent") -> "Spent":
        """What came between."""
        return Spent(
            self.seconds - begun.seconds, self.own - begun.own, self.workers - begun.workers
        )

    @property
    def processor(self) -> float:
        """Processor time of all."""
        return self.own + self.workers
