"""What mammograms cost, from event logs with known costs."""

import subprocess

import pytest

from pipeline.checkup import mammogram_costs
from pipeline.checkup.mammogram_costs import Part, costs_of, measured
from pipeline.config import Settings
from pipeline.run.errors import UserError
from pipeline.run.settings import Remembered
from tests.checkup.finished_run import MAP, STEP, times_of


def test_two_runs_tell_the_start_from_what_each_mammogram_and_step_costs(tmp_path):
    few, many = times_of(tmp_path / "few", 40, steps=5), times_of(tmp_path / "many", 200, steps=25)
    wanted = Settings()
    costs = costs_of(many, few, planned=wanted)
    parts = {(part.stage, part.name): part for part in costs.parts}
    standardising = parts["preprocess", "standardising"]
    assert (standardising.own, standardising.workers) == pytest.approx((0.01, 0.1))
    assert standardising.start == pytest.approx(4.0)
    assert parts["heatmap", "maps"].own == pytest.approx(MAP)
    assert parts["heatmap", "report"].start == pytest.approx(3.0)
    train = wanted.train
    steps = train.members * train.epochs * train.steps_per_epoch
    assert parts["train", "steps"].start == pytest.approx(STEP * steps)
    assert parts["train", "maps of the validation"].workers == pytest.approx(MAP * train.epochs)
    assert (costs.judged, costs.validated) == (0.25, 0.2)
    assert (costs.images, costs.fewer) == (200, 40)
    assert costs.what == "phantom mammograms at 0.1 mm, mapped by 3 networks"
    assert (costs.source_bytes, costs.store_bytes, costs.positions) == (1e6, 5e5, 100)


def test_workers_share_their_time_and_the_process_that_serves_them_does_not(tmp_path):
    costs = costs_of(times_of(tmp_path / "run", 200, steps=25))
    (part,) = (part for part in costs.parts if part.name == "standardising")
    assert part.wall(10**6, 2) == pytest.approx(0.12 / 2 * 10**6 - 0.01 / 2 * 10**6, rel=0.1)
    assert part.wall(10**6, 64) == pytest.approx(0.01 * 10**6)
    assert part.processor(10**6) == pytest.approx(0.13 * 10**6)


def test_evaluate_waits_for_its_threads():
    part = Part("evaluate", "figures with intervals", start=1.0, own=0.01, workers=0.04)
    assert part.wall(1000, 2) == pytest.approx(1.0 + 10 + 20)
    assert part.wall(1000, 64) == pytest.approx(1.0 + 10 + 0.625)


def test_two_runs_of_as_many_mammograms_are_not_told_apart(tmp_path):
    few, many = times_of(tmp_path / "few", 200, steps=5), times_of(tmp_path / "many", 200, steps=25)
    (part,) = (p for p in costs_of(many, few).parts if p.name == "standardising")
    assert (part.own, part.workers) == pytest.approx((0.01, 0.12))


def test_what_was_in_the_store_before_costs_nothing(tmp_path):
    times = times_of(tmp_path / "run", 200, steps=25, new=100)
    (part,) = (p for p in costs_of(times).parts if p.name == "standardising")
    assert part.own == pytest.approx(0.02)


@pytest.mark.parametrize(
    ("fails", "more"),
    [("scripts/settings.py", ""), ("ingest", ""), ("preprocess", "make plan RUN=")],
)
def test_what_fails_with_a_few_says_so_itself(monkeypatch, fails, more):
    def run(command, **_):
        return subprocess.CompletedProcess(command, fails in command, b"", b"x: no image.\n")

    monkeypatch.setattr(mammogram_costs.subprocess, "run", run)
    with pytest.raises(UserError, match=r"^x: no image\.") as failed:
        measured(Remembered("configs/default.yaml"), Settings())
    assert more in str(failed.value) and bool(more) == ("do not tell" in str(failed.value))
