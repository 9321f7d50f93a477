"""The page of a cross-validation, on two fabricated folds."""

import json
import re

import pytest

from pipeline.config import EvaluateSettings
from pipeline.evaluate.load import load_judged
from pipeline.report.crossval_page import write_crossval_page
from pipeline.report.run_page import PLOTS
from pipeline.run.atomic import json_text, write_text
from pipeline.run.layout import RunFolder
from pipeline.studies.crossval import pooled_metrics
from tests.evaluate.fabricated_run import Woman, fabricate
from tests.report.page_text import text_of


def people(fold: int) -> list[Woman]:
    return [
        Woman(f"{split}-{fold}-{kind or 'normal'}-{i}", split, kind)
        for split in ("train", "test")
        for kind in ("", "counts")
        for i in range(3)
    ]


@pytest.fixture(scope="module")
def judged(tmp_path_factory) -> RunFolder:
    """A run with the crossval.json and the plots of two folds."""
    root = tmp_path_factory.mktemp("crossval")
    folds = [load_judged(fabricate(root / str(fold), people(fold))) for fold in (1, 2)]
    run = RunFolder(root / "study")
    settings = EvaluateSettings(bootstrap=40)
    content = pooled_metrics(folds, settings, plots=run.crossval_plots)
    write_text(run.crossval, json_text(content))
    return run


def page_of(run: RunFolder, **changed) -> str:
    before = run.crossval.read_text(encoding="utf-8")
    write_text(run.crossval, json_text(json.loads(before) | changed))
    write_crossval_page(run)
    write_text(run.crossval, before)
    return run.crossval_page.read_text(encoding="utf-8")


def test_it_shows_the_pooled_figures_with_their_intervals(judged):
    content = json.loads(judged.crossval.read_text())
    text = text_of(page_of(judged))
    auc, alike = content["patch_auc"], content["calibration"]["lesions_equal"]["slope"]
    shown = "Positions: ROC AUC {value:.3f} {low:.3f} to {high:.3f} {n:,}"
    assert shown.format(**auc) in text
    assert "{value:.3f} ({low:.3f} to {high:.3f})".format(**alike) in text
    point = content["froc"][2]
    assert f"1 {point['sensitivity']:.3f}" in text
    group = content["groups"][0]
    by = group["by"].replace("laterality", "side")
    assert f"{by} {group['group']} {group['images']}" in text
    assert "kind mass 6" in text


def test_every_fold_has_a_column_with_its_own_figures_and_temperatures(judged):
    folds = json.loads(judged.crossval.read_text())["folds"]
    text = text_of(page_of(judged))
    assert "fold 1 2 patients 6 6 mammograms 6 6 findings 3 3" in text
    figures = " ".join(
        "{value:.3f} ({low:.3f} to {high:.3f})".format(**f["patch_auc"]) for f in folds
    )
    assert f"Positions: ROC AUC {figures}" in text
    used = " ".join(f"{fold['temperature_used']:.3f}" for fold in folds)
    assert f"temperature used {used} training prior used" in text
    assert "temperature by its own validation patients 1.200 1.200" in text


def test_it_leads_to_the_report_of_every_fold(judged):
    links = re.findall(r'<a href="([^"]*report.html)">fold \d</a>', page_of(judged))
    assert links == [f"folds/{number}/{judged.report.name}" for number in (1, 2)]


def test_it_says_how_it_was_calibrated(judged):
    page = page_of(judged, recalibration="each fold by somebody")
    assert "Calibrated: each fold by somebody." in text_of(page)


def test_the_worst_errors_are_listed_and_drawn(judged):
    content = json.loads(judged.crossval.read_text())
    page = page_of(judged)
    alarm = content["worst"]["false_alarms"][0]
    text = text_of(page)
    assert f"false alarm {alarm['image_id']} {alarm['row']:.0f}, {alarm['col']:.0f}" in text
    assert page.count("data:image/svg+xml;base64,") == len(PLOTS)


def test_a_phantom_is_called_synthetic_and_the_page_needs_nothing_else(judged):
    page = page_of(judged, synthetic=True)
    assert "SYNTHETIC: these are no patients" in text_of(page)
    places = re.findall(r'(?:src|href)="([^"]{0,20})', page)
    assert all(place.startswith(("data:image/", "folds/")) for place in places)
    assert "SYNTHETIC: these are no patients" not in text_of(page_of(judged, synthetic=False))


def test_names_from_outside_are_escaped(judged):
    worst = json.loads(judged.crossval.read_text())["worst"]
    first = worst["false_alarms"][0] | {"image_id": "<script>x</script>"}
    page = page_of(judged, worst=worst | {"false_alarms": [first]})
    assert "<script" not in page and "&lt;script&gt;x" in page
