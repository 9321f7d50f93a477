"""How far a long work is said to be, and how much time it is said to need."""

import pytest

from pipeline.run import progress, spent
from pipeline.run.progress import Plan, shown


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes on only where a test says so."""

    class Clock:
        now = 1000.0

        def monotonic(self) -> float:
            return self.now

    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    monkeypatch.setattr(spent, "time", clock)
    return clock


def work(clock, items: int, *, first: float, each: float):
    """Items of which the first takes longer: its workers have to start."""
    for number in range(items):
        clock.now += each if number else first
        yield number


def test_the_time_left_includes_the_parts_that_follow_as_slow_as_the_one_that_was_measured(
    clock, capsys
):
    plan = Plan("heatmap", {"maps": 100.0, "pictures": 50.0, "report": 10.0})
    for _ in shown(work(clock, 100, first=2, each=2), 100, "maps", plan=plan):
        pass
    lines = capsys.readouterr().out.splitlines()
    # Half of the maps took 100 s where 50 were expected: all that follows takes twice 60 s.
    assert lines[9] == "heatmap: maps: 50 of 100, 3 min 40 s left"
    assert lines[-1] == "heatmap: maps: 100 in 3 min 20 s, 2 min 0 s left"
    plan.say("report")
    assert capsys.readouterr().out == "heatmap: report, 20 s left\n"


def test_a_plan_tells_what_each_part_took(clock):
    plan = Plan("heatmap", {"maps": 1.0, "report": 1.0})
    for _ in shown(work(clock, 10, first=2, each=2), 10, "maps", plan=plan):
        pass
    plan.say("report")
    clock.now += 3
    took = {name: (of.seconds, of.items) for name, of in plan.spent().items()}
    assert took == {"maps": (20, 10), "report": (3, None)}


def test_the_start_of_the_workers_does_not_count_for_each_item(clock, capsys):
    for _ in shown(work(clock, 5, first=60, each=10), 5, "drawing"):
        pass
    said = capsys.readouterr().out.splitlines()
    assert said[:3] == [
        "drawing: 1 of 5",
        "drawing: 2 of 5, 30 s left",
        "drawing: 3 of 5, 20 s left",
    ]
    assert said[-1] == "drawing: 5 in 1 min 40 s"


def test_a_part_that_is_done_already_says_nothing_of_the_speed(clock, capsys):
    plan = Plan("heatmap", {"maps": 100.0, "pictures": 50.0})
    plan.parts["maps"] = 0.0
    list(shown([], 0, "maps", plan=plan))
    plan.say("pictures")
    assert capsys.readouterr().out == "heatmap: pictures, 50 s left\n"


def test_a_terminal_gets_one_line_with_a_bar(clock, monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    for _ in shown(work(clock, 4, first=1, each=5), 4, "drawing"):
        pass
    said = capsys.readouterr().out
    assert "drawing: 3 of 4, 5 s left" in said and "━" in said
    assert said.count("drawing: 4 in") == 1
