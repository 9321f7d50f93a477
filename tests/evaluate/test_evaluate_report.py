"""The evaluation completes the report of the run."""

import json

from pipeline.evaluate.stage import evaluate
from pipeline.run.events import EventLog
from pipeline.run.settings import load_settings
from pipeline.run.stage import Stage
from tests.evaluate.fabricated_run import fabricate, women


def test_the_report_shows_the_figures_of_metrics_json(tmp_path):
    run = fabricate(tmp_path, women(normal=3, abnormal=3))
    evaluate(Stage(run, load_settings(run), EventLog(run, "evaluate")))
    page = run.report.read_text(encoding="utf-8")
    figure = json.loads(run.metrics.read_text())["patch_auc"]
    assert f"{figure['value']:.3f}" in page
    assert f"{figure['low']:.3f} to {figure['high']:.3f}" in page
