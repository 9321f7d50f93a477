"""What made the results: settings, commits, times."""

from pipeline.run.events import read_events
from pipeline.run.graph import STAGE_SECTIONS
from pipeline.run.layout import RunFolder


def stage_events(run: RunFolder) -> list[tuple[dict, dict | None]]:
    """Start and end of the last run of each stage, in order; those that never ran are left out.

    The page is written within a stage, which therefore has no end yet.
    """
    starts: dict[str, dict] = {}
    ends: dict[str, dict] = {}
    for event in read_events(run.events):
        if event["event"] == "start":
            starts[event["stage"]] = event
            ends.pop(event["stage"], None)
        elif event["event"] == "finish":
            ends[event["stage"]] = event
    return [(starts[stage], ends.get(stage)) for stage in STAGE_SECTIONS if stage in starts]


def settings_texts(run: RunFolder) -> list[tuple[str, str]]:
    """(stage, YAML text) of RUN/settings."""
    paths = ((stage, run.stage_settings(stage)) for stage in STAGE_SECTIONS)
    return [(stage, p.read_text(encoding="utf-8")) for stage, p in paths if p.is_file()]
