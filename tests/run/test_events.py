"""The event log: order of its lines, whoever of a stage writes them."""

import pytest

from pipeline.run.events import EventLog, read_events
from pipeline.run.layout import RunFolder


@pytest.fixture
def run(tmp_path) -> RunFolder:
    return RunFolder(tmp_path / "run")


def events_of(run: RunFolder) -> list[str]:
    return [event["event"] for event in read_events(run.events)]


def begin(log: EventLog) -> None:
    log.start(settings={}, commit="", dirty=False)


def test_the_start_stands_before_what_a_part_of_the_stage_logs(run):
    log = EventLog(run, "train")
    begin(log)
    log.under("member1/").metrics({"loss": 1.0}, step=3)
    log.finish(status="finished", seconds=1.0, peak_mib=1.0)
    assert events_of(run) == ["start", "metrics", "finish"]
    assert read_events(run.events)[1]["values"] == {"member1/loss": 1.0}


def test_a_part_that_found_nothing_to_do_speaks_for_the_stage(run):
    log = EventLog(run, "train")
    begin(log)
    log.under("member1/").nothing_to_do()
    log.finish(status="finished", seconds=1.0, peak_mib=1.0)
    assert events_of(run) == []


def test_a_line_that_was_cut_off_is_left_out(run):
    EventLog(run, "train").metrics({"loss": 1.0})
    with run.events.open("a") as stream:
        stream.write('{"time": 1')
    assert events_of(run) == ["metrics"]


def test_an_event_after_a_line_that_was_cut_off_is_not_lost(run):
    EventLog(run, "train").metrics({"loss": 1.0})
    with run.events.open("a") as stream:
        stream.write('{"time": 1, "sta')
    EventLog(run, "train").metrics({"loss": 2.0})
    assert [e["values"]["loss"] for e in read_events(run.events)] == [1.0, 2.0]
