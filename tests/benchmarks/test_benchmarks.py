import json
import sys
from dataclasses import asdict

import numpy as np
import pytest

from pipeline.checkup.speed import speed_markdown
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder
from tests.benchmarks import __main__ as runner
from tests.benchmarks import bench_patches, bench_reader, bench_rows
from tests.benchmarks.measure import Elsewhere, Row, Times, interleaved


def test_the_benchmarks_run_and_write_their_figures(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(bench_reader, "SHAPE", (64, 48))
    monkeypatch.setattr(bench_patches, "SHAPE", (700, 1000))
    given = ["--name", "reader patches", "--repeats", "1", "--run", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["bench", *given])
    runner.main()
    found = json.loads((tmp_path / "bench.json").read_text())
    assert {"name", "ratio", "target", "met"} <= found[0].keys()
    first_words = [row["name"].split()[0] for row in found]
    assert first_words == ["one", "the", "all", "disk", "reading", "reading"]
    assert found[-1]["met"] is None
    page, said = speed_markdown(tmp_path / "bench.json"), capsys.readouterr().out
    for row in found:
        assert row["name"] in page
        assert row["name"] in said


@pytest.mark.parametrize("work", [bench_rows.catalog, bench_rows.positions, bench_rows.report])
def test_generated_rows_go_through_the_code_of_the_stages(work, tmp_path, monkeypatch):
    monkeypatch.setattr(bench_rows, "PLACES", 100)
    work(RunFolder(tmp_path), 2000)


def test_words_choose_benchmarks_and_the_long_one_is_only_done_when_asked_for():
    assert runner.chosen("crops maps", growth=0) == ["crops", "maps"]
    assert "growth" not in runner.chosen("", growth=0)
    with_growth = runner.chosen("", growth=2000)
    assert "growth" in with_growth and "torch" not in with_growth
    assert runner.chosen("torch", growth=0) == ["torch"]
    with pytest.raises(UserError, match="crops, "):
        runner.chosen("nothing", growth=0)


def test_ways_take_turns_and_the_first_round_does_not_count():
    order = []
    times = interleaved({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 2)
    assert order == ["a", "b"] * 3
    assert len(times.processor["a"]) == len(times.wall["b"]) == 2


def test_what_another_process_took_counts_instead():
    times = interleaved({"other": lambda: Elsewhere(processor=3.0, wall=2.0)}, 2)
    assert times.processor["other"].tolist() == [3, 3]
    assert times.wall["other"].tolist() == [2, 2]


def test_the_page_says_which_targets_are_not_reached(tmp_path):
    rows = [Row("quick", 5.0, target=4), Row("slow", 3.0, target=4), Row("only stated", 1.0)]
    today = {"date": "2026-01-01", "hardware": "a machine"}

    def page(rows):
        kept = [{**asdict(row), "met": row.met, **today} for row in rows]
        (tmp_path / "kept.json").write_text(json.dumps(kept))
        return speed_markdown(tmp_path / "kept.json").split("Measured on")[0]

    assert page(rows).endswith(
        "1 of 2 targets are reached. Not reached:\n\n- slow: 3, target at least 4\n\n"
    )
    assert page(rows[:1]).endswith("1 of 1 targets are reached.\n\n")


def test_a_ratio_is_the_median_of_the_rounds_with_its_quartiles():
    seconds = {"ours": np.ones(5), "theirs": np.array([2.0, 3, 4, 5, 6]), "both": np.full(5, 0.5)}
    times = Times(seconds, seconds)
    row = times.row("x", "ours", "theirs", target=4)
    assert (row.ratio, row.quartiles, row.met) == (4, (3, 5), True)
    assert times.times(theirs=0.5).row("x", "ours", "theirs", target=4).met is False
    assert times.row("x", "ours", "theirs", beyond="both").ratio == 7
    bounded = times.row("x", "theirs", "ours", at_most=True, target=1.2)
    assert (bounded.ratio, bounded.met) == (4, False)
    assert Row("x", 1.0).met is None
