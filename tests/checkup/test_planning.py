"""What so many mammograms will take, from event logs with known costs."""

import json

import pytest

from pipeline.checkup.planning import KEPT, costs_of, plan_of, plan_text, planning_markdown
from pipeline.config import Settings
from pipeline.run.errors import UserError
from pipeline.run.events import EventLog
from pipeline.run.layout import RunFolder
from pipeline.run.settings import Remembered, remember
from pipeline.run.spent import Spent
from tests.test_docs import ROOT

STEP, MAP, START = 0.5, 2.0, 10.0


def run_of(folder, images: int, *, steps: int) -> RunFolder:
    """A finished run: a mammogram takes 0.1 s of the workers, 0.01 s of the process, a map 2 s."""
    run = RunFolder(folder)
    settings = Settings()
    train = settings.train.model_copy(update={"members": 1, "epochs": 1, "steps_per_epoch": steps})
    remember(run, settings.model_copy(update={"train": train}), Remembered())
    judged, validated = images // 4, images // 5
    run.catalog.parent.mkdir()
    run.catalog.write_text(json.dumps({"images": images}))
    rows = "\n".join(f"{n},candidate,,1000000" for n in range(images))
    run.files_table.write_text(f"file,status,reason,bytes\n{rows}\n")
    positions = {"positive": 0, "negative": 100 * images, "ignored": 0}
    counts = {"all": images, "train": images, "validation": validated}
    summary = {name: {"images": count, "positions": positions} for name, count in counts.items()}
    run.preprocess_summary.write_text(json.dumps({**summary, "store_bytes": 500_000 * images}))
    run.heatmap_summary.write_text(json.dumps({"images": judged}))

    def log(stage: str, parts: dict[str, tuple[float, float]], *, rest: float) -> None:
        events = EventLog(run, stage)
        events.start(settings={}, commit="", dirty=False)
        if stage != "train":
            events.parts({name: Spent(1.0, *of) for name, of in parts.items()})
        own, workers = (sum(of[which] for of in parts.values()) for which in (0, 1))
        events.finish(
            status="finished", seconds=9.0, peak_mib=100.0, own=own + rest, workers=workers
        )

    log("preprocess", {"standardising": (0.01 * images, 0.1 * images + 4.0)}, rest=START)
    log("train", {"all": (steps * STEP + validated * MAP, 0.0)}, rest=START)
    log("heatmap", {"maps": (judged * MAP, 0.0), "report": (3.0, 0.0)}, rest=START)
    return run


def test_two_runs_tell_the_start_from_what_each_mammogram_and_step_costs(tmp_path):
    few, many = run_of(tmp_path / "few", 40, steps=5), run_of(tmp_path / "many", 200, steps=25)
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
    assert (costs.source_bytes, costs.store_bytes, costs.positions) == (1e6, 5e5, 100)


def test_workers_share_their_time_and_the_process_that_serves_them_does_not(tmp_path):
    costs = costs_of(run_of(tmp_path / "run", 200, steps=25))
    (part,) = (part for part in costs.parts if part.name == "standardising")
    assert part.wall(10**6, 2) == pytest.approx(0.12 / 2 * 10**6 - 0.01 / 2 * 10**6, rel=0.1)
    assert part.wall(10**6, 64) == pytest.approx(0.01 * 10**6)
    assert part.processor(10**6) == pytest.approx(0.13 * 10**6)


def test_a_plan_names_storage_traffic_memory_and_what_holds_it_up(tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.checkup.planning.free_memory_bytes", lambda: 20e9)
    costs = costs_of(run_of(tmp_path / "run", 200, steps=25))
    plan = plan_of(costs, 10**6, cores=8)
    assert plan["storage"]["source"] == 1e12
    assert plan["network"]["written to the store"] == 5e11
    # 25 kB of each mammogram, 110 bytes of each of their 10^8 positions.
    assert plan["stages"]["train"]["memory"] == pytest.approx(25e9 + 110e8, rel=0.01)
    assert plan["bottleneck"].startswith("maps of heatmap")
    text = plan_text(plan, costs)
    assert "1,000,000 mammograms with 8 workers, from what 200 took" in text
    assert "the bottleneck: maps of heatmap" in text
    assert "Not measured: ingest, evaluate." in text
    assert "too little memory: train takes 36 GB" in text


def test_a_slow_line_is_named_where_it_takes_longest(tmp_path):
    run = run_of(tmp_path / "run", 200, steps=25)
    rows = "\n".join(f"{n},candidate,,9000000000" for n in range(200))
    run.files_table.write_text(f"file,status,reason,bytes\n{rows}\n")
    said = plan_of(costs_of(run), 10**5, cores=64)["bottleneck"]
    assert said.startswith("a line of 1 Gbit/s between data, store and workers")


def test_a_run_whose_log_has_no_processor_time_is_refused_with_what_to_do(tmp_path):
    run = run_of(tmp_path / "run", 200, steps=25)
    run.events.unlink()
    with pytest.raises(UserError, match=r"make preprocess heatmap RUN=.* FORCE=1"):
        costs_of(run)


def test_the_page_of_planning_is_current():
    assert (ROOT / "docs" / "planning.md").read_text() == planning_markdown(ROOT / KEPT)


def test_the_prediction_for_a_thousand_mammograms_is_within_a_fifth():
    checks = json.loads((ROOT / KEPT).read_text())["checks"]
    for row in checks["rows"]:
        assert 0.8 <= row["predicted"] / row["measured"] <= 1.2, row["stage"]
