"""What made the results: settings, commits, times."""

import datetime
from dataclasses import dataclass

from pipeline.run.events import read_events
from pipeline.run.graph import STAGE_SECTIONS
from pipeline.run.layout import RunFolder
from pipeline.run.words import duration


@dataclass(frozen=True)
class StageRecord:
    """The last run of a stage."""

    stage: str
    when: str
    status: str
    time: str
    memory: str
    commit: str


def stage_records(run: RunFolder) -> list[StageRecord]:
    """The last run of each stage, in order; those that never ran are left out.

    The page is written within a stage, which therefore has no end yet.
    """
    starts, ends = {}, {}
    for event in read_events(run.events):
        if event["event"] == "start":
            starts[event["stage"]] = event
            ends.pop(event["stage"], None)
        elif event["event"] == "finish":
            ends[event["stage"]] = event
    return [_record(s, starts[s], ends.get(s)) for s in STAGE_SECTIONS if s in starts]


def _record(stage: str, start: dict, end: dict | None) -> StageRecord:
    when = datetime.datetime.fromtimestamp(start["time"], datetime.UTC)
    commit = start["commit"][:10] + (", changed" if start["commit"] and start["dirty"] else "")
    return StageRecord(
        stage=stage,
        when=when.strftime("%Y-%m-%d %H:%M UTC"),
        status=end["status"] if end else "wrote this page",
        time=duration(end["seconds"]) if end else "",
        memory=f"{end['peak_mib']:,.0f} MiB" if end else "",
        commit=commit or "unknown",
    )


def settings_texts(run: RunFolder) -> list[tuple[str, str]]:
    """(stage, YAML text) of RUN/settings."""
    paths = ((stage, run.stage_settings(stage)) for stage in STAGE_SECTIONS)
    return [(stage, p.read_text(encoding="utf-8")) for stage, p in paths if p.is_file()]
