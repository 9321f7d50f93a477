"""The evaluation completes the report of the run."""

import json
import re

from pipeline.evaluate.stage import evaluate
from pipeline.run.events import EventLog
from pipeline.run.settings import load_settings
from pipeline.run.stage import Stage
from tests.evaluate.fabricated_run import fabricate, women


def test_the_report_shows_the_figures_of_metrics_json(tmp_path):
    run = fabricate(tmp_path, women(normal=3, abnormal=3))
    evaluate(Stage(run, load_settings(run), EventLog(run, "evaluate")))
    page = run.report.read_text(encoding="utf-8")
    metrics = json.loads(run.metrics.read_text())
    figure = metrics["patch_auc"]
    assert f"{figure['value']:.3f}" in page
    assert f"{figure['low']:.3f} to {figure['high']:.3f}" in page
    left = metrics["groups"][0]
    cells = [left["by"], left["group"], left["images"]]
    for figure in (left["patch_auc"], left["image_auc"]):
        cells += [f"{figure['value']:.3f}", f"{figure['low']:.3f} to {figure['high']:.3f}"]
    row = r"\s*".join(f"<td[^>]*>{cell}</td>" for cell in cells)
    assert re.search(row, page)
