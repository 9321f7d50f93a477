"""What so many mammograms will take, from costs that are known."""

import json

import pytest

from pipeline.checkup.mammogram_costs import costs_of
from pipeline.checkup.planning import (
    KEPT,
    check_of,
    check_text,
    keep_plan,
    plan_of,
    plan_text,
    planning_markdown,
    whole_number,
)
from pipeline.checkup.stage_times import StageTimes
from pipeline.run.errors import UserError
from tests.checkup.finished_run import MAP, run_of, times_of
from tests.test_docs import ROOT


@pytest.mark.parametrize("text", ["20000", "20,000", "2e4", "20000.0"])
def test_a_number_is_read_as_people_write_it(text):
    assert whole_number(text, name="IMAGES") == 20_000


@pytest.mark.parametrize("text", ["0", "-5", "1.5", "many", "nan", "1e400", ""])
def test_what_is_no_number_of_mammograms_ends_with_a_sentence(text):
    with pytest.raises(UserError, match=f"^IMAGES={text} must be a whole number from 1 on"):
        whole_number(text, name="IMAGES")


def test_a_plan_names_storage_traffic_memory_and_what_holds_it_up(tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.checkup.planning.free_memory_bytes", lambda: 20e9)
    costs = costs_of(times_of(tmp_path / "run", 200, steps=25))
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
    said = plan_of(costs_of(StageTimes.of(run)), 10**5, cores=64)["bottleneck"]
    assert said.startswith("a line of 1 Gbit/s between data, store and workers")


def test_the_page_of_planning_is_current():
    assert (ROOT / "docs" / "planning.md").read_text() == planning_markdown(ROOT / KEPT)


def test_what_a_run_took_stands_beside_what_was_predicted(tmp_path):
    times = times_of(tmp_path / "run", 200, steps=25)
    check = check_of(costs_of(times), times, cores=2)
    rows = {row["stage"]: row for row in check["rows"]}
    assert (check["run"], check["images"], list(rows)) == (
        "run",
        200,
        ["preprocess", "train", "heatmap"],
    )
    assert rows["heatmap"]["measured"] == 9.0  # of the clock, in its log
    # 50 maps shared by 2 cores, 3 s of the report, and the start.
    assert rows["heatmap"]["predicted"] == pytest.approx(50 * MAP / 2 + 3 + 10)
    *_, row, doubt = check_text(check).splitlines()
    assert row.split() == ["heatmap", "63", "s", "9", "s", "7.00"]
    assert doubt.startswith("  train of run is of another commit than this code")


def test_the_page_shows_what_was_kept_last(tmp_path):
    costs = costs_of(times := times_of(tmp_path / "run", 200, steps=25))
    kept = tmp_path / "kept.json"
    kept.write_text(json.dumps({"rows": []}))
    keep_plan(costs, check_of(costs, times, cores=2), kept)
    assert "| heatmap | 63 s | 9 s | 7.00 |" in planning_markdown(kept)
    keep_plan(costs, kept=kept)  # other costs: the comparison was not with them
    assert "7.00" not in planning_markdown(kept) and json.loads(kept.read_text())["rows"] == []


def test_the_prediction_for_a_thousand_mammograms_is_within_a_fifth():
    check = json.loads((ROOT / KEPT).read_text())["check"]
    for row in check["rows"]:
        assert 0.8 <= row["predicted"] / row["measured"] <= 1.2, row["stage"]
