"""A metric is named once: what is registered is judged, compared, shown and sent."""

import json

import numpy as np
import pytest

from pipeline.config import EvaluateSettings
from pipeline.evaluate.load import load_judged
from pipeline.evaluate.stage import evaluate
from pipeline.figures.registry import METRICS, Metric, Need
from pipeline.report.crossval_page import write_crossval_page
from pipeline.report.readme import results_markdown, write_results
from pipeline.run.atomic import json_text, write_text
from pipeline.run.events import EventLog, read_events
from pipeline.run.layout import RunFolder
from pipeline.run.settings import load_settings
from pipeline.run.stage import Stage
from pipeline.studies.compare import compare, comparison_text
from pipeline.studies.crossval import pooled_metrics
from tests.evaluate.fabricated_run import Woman, fabricate
from tests.fault_injection.memory_store import Store

TOY = Metric(
    "toy",
    "toy metric",
    "Positions: how many",
    Need.POSITIONS,
    value=lambda of: len(of) / 1000,
    samples=lambda of, weights: weights @ np.bincount(of.patient) / 1000,
)
QUICK = EvaluateSettings(bootstrap=40)


def people(part: str) -> list[Woman]:
    return [
        Woman(f"{split}-{part}-{kind or 'normal'}-{n}", split, kind)
        for split in ("train", "test")
        for kind in ("", "counts")
        for n in range(2)
    ]


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> RunFolder:
    """An evaluated run of a time when the registry had one metric more."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(METRICS, "toy", TOY)
        run = fabricate(tmp_path_factory.mktemp("toy"), people("a"), bootstrap=40)
        evaluate(Stage(run, load_settings(run), EventLog(run, "evaluate")))
        yield run


def shown(run: RunFolder) -> str:
    figure = json.loads(run.metrics.read_text())["toy"]
    return "{value:.3f} ({low:.3f} to {high:.3f})".format(**figure)


def test_metrics_json_has_it_with_interval_and_unit(run):
    metrics = json.loads(run.metrics.read_text())
    toy = metrics["toy"]
    assert toy["value"] == metrics["counts"]["positions"] / 1000
    assert toy["low"] <= toy["value"] <= toy["high"]
    assert toy["n"] == metrics["counts"]["positions"]
    assert metrics["units"]["toy"] == "positions"


def test_the_report_and_the_model_card_show_it(run):
    within = shown(run).replace("(", "").replace(")", "")
    value, interval = within.split(" ", 1)
    assert f'Positions: how many</td><td class="n">{value}</td><td class="n">{interval}' in (
        run.report.read_text()
    )
    assert f"| Positions: how many | {value} | {interval} |" in run.model_card.read_text()


def test_the_readme_has_a_row_for_it(run, tmp_path):
    write_results(run, tmp_path)
    assert f"| toy metric | {shown(run)} |" in results_markdown(tmp_path)


def test_two_runs_are_compared_by_it(run):
    content = compare(run, run, QUICK)
    assert content["figures"]["toy"]["difference"]["value"] == 0.0
    assert "\ntoy " in comparison_text(content)


def test_a_cross_validation_has_it_pooled_and_for_each_fold(run, tmp_path):
    folds = [load_judged(r) for r in (run, fabricate(tmp_path, people("b")))]
    study = RunFolder(tmp_path / "study")
    content = pooled_metrics(folds, QUICK)
    assert content["toy"]["value"] == pytest.approx(
        sum(f["toy"]["value"] for f in content["folds"])
    )
    write_text(study.crossval, json_text(content))
    write_crossval_page(study)
    assert study.crossval_page.read_text().count("Positions: how many") == 2


def test_mlflow_gets_it_and_shows_it_on_the_run_that_people_see_first(run, tmp_path, monkeypatch):
    from pipeline.tracking.upload import upload

    monkeypatch.chdir(tmp_path)
    values = next(e["values"] for e in read_events(run.events) if e["event"] == "metrics")
    assert "toy/value" in values
    run.events.unlink()
    events = EventLog(run, "evaluate")
    events.start(settings={}, commit="", dirty=False)
    events.metrics(values)
    events.finish(status="finished", seconds=1.0, peak_mib=1.0)
    store = Store()
    upload(run, client=store)
    assert {name for _, name, *_ in store.metrics} >= {"toy", "patch_auc"}


def test_what_is_not_registered_is_shown_nowhere(run, tmp_path, monkeypatch):
    monkeypatch.delitem(METRICS, "toy")
    write_results(run, tmp_path)
    assert "toy" not in results_markdown(tmp_path)
