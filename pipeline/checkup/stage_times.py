"""What the stages of a run took in each part, for how many mammograms, by its event log."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from pipeline.config import Settings
from pipeline.preprocess.store.fill import STANDARDISING
from pipeline.run.atomic import read_json
from pipeline.run.events import finished_work, read_events
from pipeline.run.layout import RunFolder
from pipeline.run.settings import load_settings

STAGES = ("ingest", "preprocess", "train", "heatmap", "evaluate")
MAPS, REST = "maps", "start and rest"
# A run that made a smaller share of them anew does not tell what all of them take.
_LEAST_NEW = 0.5

Taken = dict[tuple[str, str], tuple[float, float]]  # processor seconds: own, workers


@dataclass(frozen=True)
class StageTimes:
    """What the event log of a run says, read once.

    Attributes:
        finished: by stage the end of the last work that was done.
        parts: by stage, of its last work, what each part took: own, workers, items.
        resumed: stages that took several goes.
        images, mapped: mammograms of the run, and how many of them it mapped.
    """

    run: RunFolder
    finished: Mapping[str, Mapping]
    parts: Mapping[str, Mapping[str, Mapping]]
    resumed: tuple[str, ...]
    images: int
    mapped: int

    @classmethod
    def of(cls, run: RunFolder) -> Self:
        """Of a run, also where it has no log yet."""
        events = read_events(run.events)
        catalog, maps = read_json(run.catalog) or {}, read_json(run.heatmap_summary) or {}
        return cls(
            run,
            finished_work(events),
            {e["stage"]: e["values"] for e in events if e["event"] == "parts"},
            _resumed(events),
            catalog.get("images", 0),
            maps.get("images", 0),
        )

    def taken(self) -> Taken:
        """By stage and part; what is in no part is the rest, or all of it where there are none."""
        taken: Taken = {}
        for stage, end in self.finished.items():
            if stage not in STAGES or "own" not in end:
                continue
            of = self.parts.get(stage, {})
            taken |= {(stage, name): (each["own"], each["workers"]) for name, each in of.items()}
            own, workers = (
                max(end[kind] - sum(each[kind] for each in of.values()), 0.0)
                for kind in ("own", "workers")
            )
            taken[stage, REST if of else "files"] = own, workers
        return taken

    def worked_on(self, stage: str, part: str) -> int:
        """How many mammograms a part of a stage worked on: what was there before does not count."""
        items = self.parts.get(stage, {}).get(part, {}).get("items")
        return self.count(stage) if items is None else items

    def count(self, stage: str) -> int:
        """The mammograms of a stage."""
        return self.mapped if stage in ("heatmap", "evaluate") else self.images


def untold(times: StageTimes, planned: Settings | None = None) -> str:
    """Why what the stages of a run took is not what mammograms cost, "" where it is.

    Args:
        planned: settings with which they would be worked on; those of the run if None.
    """
    run = times.run
    if not read_json(run.preprocess_summary):
        return f"RUN={run.root} is not prepared"
    if ("preprocess", REST) not in times.taken():
        return f"RUN={run.root} does not say what its stages took"
    if planned and _for_any_length(planned) != _for_any_length(load_settings(run)):
        return f"RUN={run.root} was made with other settings"
    for stage, part in (("preprocess", STANDARDISING), ("heatmap", MAPS)):
        if stage in times.parts:
            new = times.worked_on(stage, part) if part in times.parts[stage] else 0
            if new < _LEAST_NEW * times.count(stage):
                return f"{stage} of RUN={run.root} found most of its mammograms done already"
    several = ", ".join(times.resumed)
    return f"{several} of RUN={run.root} took several goes" if several else ""


def _resumed(events: list[dict]) -> tuple[str, ...]:
    """Stages that went on where one was broken off, in their order."""
    resumed: set[str] = set()
    left: set[str] = set()  # begun and not finished
    for event in events:
        stage = event["stage"]
        if event["event"] == "start":
            resumed = resumed | {stage} if stage in left else resumed - {stage}
            left.add(stage)
        elif event["event"] == "finish" and event["status"] == "finished":
            left.discard(stage)
    return tuple(stage for stage in STAGES if stage in resumed)


def _for_any_length(settings: Settings) -> Settings:
    """Settings that are the same for trainings of any number of steps."""
    train = settings.train.model_copy(update={"epochs": 1, "steps_per_epoch": 1})
    return settings.model_copy(update={"train": train})
