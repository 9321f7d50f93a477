"""The evaluate stage on fabricated run folders."""

import json
import re

import pandas as pd
import pytest

from pipeline.evaluate.judge import Bootstrap
from pipeline.evaluate.load import load_judged
from pipeline.evaluate.metrics import compute_metrics, summary_text
from pipeline.evaluate.stage import evaluate
from pipeline.figures.ranking import roc_auc
from pipeline.model.recipe import recipe_of
from pipeline.run.code import git_commit
from pipeline.run.errors import UserError
from pipeline.run.events import EventLog, read_events
from pipeline.run.settings import load_settings
from pipeline.run.stage import Stage
from tests.evaluate.fabricated_run import Woman, fabricate, women
from tests.model.cards import a_card


def evaluated(run) -> dict:
    stage = Stage(run, load_settings(run), EventLog(run, "evaluate"))
    stage.events.start(settings={}, commit="", dirty=False)
    line = evaluate(stage)
    metrics = json.loads(run.metrics.read_text())
    return metrics | {"line": line}


def metrics_of(run) -> dict:
    """The same without baselines, plots and pages."""
    judged, settings = load_judged(run), load_settings(run).evaluate
    metrics = compute_metrics(judged, Bootstrap.of(judged, settings), settings, {})
    return metrics | {"line": summary_text(metrics)}


@pytest.fixture(scope="module")
def common(tmp_path_factory):
    """Six women with and six without a finding, evaluated: the run and its metrics."""
    run = fabricate(tmp_path_factory.mktemp("common"), women())
    return run, evaluated(run)


def test_every_promised_figure_is_there_with_its_interval(common):
    run, metrics = common
    assert metrics["recipe"] == recipe_of(load_settings(run), [a_card()])
    for name in ("patch_auc", "patch_ap", "image_auc", "mean_froc"):
        figure = metrics[name]
        assert set(figure) == {"value", "low", "high", "n"}, name
        assert figure["low"] <= figure["value"] <= figure["high"]
    assert [p["fp_per_image"] for p in metrics["froc"]] == [0.25, 0.5, 1, 2, 4, 8]
    assert all({"sensitivity", "low", "high", "reached"} <= set(p) for p in metrics["froc"])
    assert metrics["split"] == "test"
    assert metrics["seed"] == 0
    assert metrics["rule"]["min_radius_mm"] == 4.0
    assert 0.8 < metrics["patch_auc"]["value"] < 0.9  # 1.5 standard deviations: 0.856


def test_the_commit_of_the_code_is_kept_and_whether_files_differ_from_it(common):
    commit, dirty = git_commit()
    assert common[1]["commit"] == commit + ("-dirty" if dirty else "")


def test_the_patch_auc_is_over_all_labelled_test_positions(common):
    run, metrics = common
    table = pd.read_parquet(run.predictions)
    table = table[table["label"] >= 0]
    assert metrics["patch_auc"]["value"] == roc_auc(table["label"], table["logit"])
    assert metrics["patch_auc"]["n"] == metrics["counts"]["positions"] == len(table)
    assert metrics["prevalence"] == pytest.approx(table["label"].mean())


def test_counts_say_what_the_figures_rest_on(tmp_path):
    metrics = metrics_of(fabricate(tmp_path, women(normal=4, abnormal=3)))
    count = metrics["counts"]
    assert (count["patients"], count["images"], count["lesions"]) == (7, 7, 3)
    assert (count["images_abnormal"], count["images_normal"]) == (3, 4)
    assert metrics["mean_froc"]["n"] == 3
    assert metrics["image_auc"]["n"] == 7


def test_an_oracle_gets_one_everywhere_and_its_unreached_rates_are_marked(tmp_path):
    metrics = metrics_of(fabricate(tmp_path, women(), oracle=True))
    for name in ("patch_auc", "patch_ap", "image_auc", "mean_froc"):
        assert metrics[name]["value"] == metrics[name]["low"] == 1.0, name
    assert [p["reached"] for p in metrics["froc"]] == [False] * 6
    assert metrics["calibration"]["after"]["slope"]["value"] is None
    assert "separate" in metrics["calibration"]["after"]["slope"]["reason"]


def test_the_baselines_see_only_where_a_position_lies_or_how_bright_it_is(common):
    baselines = common[1]["baselines"]
    # The lesions lie in the same region in training and test; the images are plain noise.
    assert baselines["position"]["value"] > 0.8
    assert baselines["mean_contrast"]["low"] < 0.5 < baselines["mean_contrast"]["high"]
    lead = baselines["mean_contrast"]["lead_of_the_network"]
    assert lead["low"] > 0.2


def test_without_findings_it_says_so_and_every_figure_has_a_reason(tmp_path):
    run = fabricate(
        tmp_path, [Woman(f"w{i}", "test", outcome="unknown") for i in range(3)], dataset="dicom"
    )
    metrics = evaluated(run)
    assert metrics["line"].startswith("nothing to evaluate: no finding that counts on 3 mammograms")
    for name in ("patch_auc", "patch_ap", "image_auc", "mean_froc"):
        assert metrics[name]["value"] is None, name
        assert metrics[name]["reason"], name
    assert all(p["sensitivity"] is None for p in metrics["froc"])
    assert not list(run.plots.glob("*.svg"))


def test_images_with_an_unlocated_finding_count_for_images_but_not_for_froc(tmp_path):
    people = [*women(), Woman("somewhere", "test", "unlocated")]
    metrics = metrics_of(fabricate(tmp_path, people))
    assert metrics["counts"]["images_without_known_truth"] == 1
    assert metrics["counts"]["images_abnormal"] == 7
    assert metrics["mean_froc"]["n"] == 6


def test_labels_of_images_alone_give_figures_of_images_by_site_and_scanner(tmp_path):
    people = [
        Woman(
            f"{outcome}-{n}",
            "test",
            "unlocated" if outcome == "abnormal" else "",
            complete=False,
            site=f"site-{n % 2}",
            scanner=f"machine-{n % 2}",
        )
        for outcome in ("abnormal", "normal")
        for n in range(4)
    ]
    run = fabricate(tmp_path, people, dataset="rsna")
    metrics = metrics_of(run)
    for name in ("image_auc", "breast_auc", "patient_auc"):
        assert metrics[name]["low"] <= metrics[name]["value"] <= metrics[name]["high"], name
    for name in ("patch_auc", "patch_ap", "mean_froc"):
        assert metrics[name]["value"] is None, name
        assert metrics[name]["reason"], name
    by = {row["by"] for row in metrics["groups"] if row["image_auc"]["value"] is not None}
    assert {"site", "scanner"} <= by
    assert metrics["counts"]["images_without_known_truth"] == 8
    assert metrics["prevalence"] is None
    assert re.search(r"image AUC +0\.", metrics["line"])


def test_a_finding_that_does_not_count_makes_its_image_neither_abnormal_nor_normal(tmp_path):
    metrics = metrics_of(fabricate(tmp_path, [*women(), Woman("cyst", "test", "left out")]))
    count = metrics["counts"]
    assert (count["images"], count["images_abnormal"], count["images_normal"]) == (13, 6, 6)
    assert (count["lesions"], count["findings_that_do_not_count"]) == (6, 1)
    assert count["images_without_known_truth"] == 0


def test_plots_and_events_are_written(common):
    run, _ = common
    assert sorted(p.name for p in run.plots.glob("*.svg")) == [
        "decision-curve.svg",
        "distribution.svg",
        "froc.svg",
        "precision-recall.svg",
        "reliability.svg",
        "roc.svg",
    ]
    events = read_events(run.events)
    values = next(e["values"] for e in events if e["event"] == "metrics")
    assert {"patch_auc/value", "froc/sensitivity_at_1", "calibration_after/ece"} <= set(values)
    paths = {e["path"] for e in events if e["event"] == "artifact"}
    assert {"metrics.json", "plots/froc.svg", "report.html"} <= paths


def test_a_run_that_only_applies_a_model_is_judged_on_all_its_images(tmp_path):
    run = fabricate(tmp_path, women(), model=str(tmp_path / "run"))
    metrics = metrics_of(run)
    assert metrics["split"] == "all"
    assert metrics["counts"]["images"] == 12  # those that were mapped


def test_without_maps_it_says_which_command_makes_them(tmp_path):
    run = fabricate(tmp_path, women())
    run.predictions.unlink()
    with pytest.raises(UserError, match=r"predictions\.parquet is missing\. make heatmap"):
        evaluated(run)


def test_no_test_patient_is_a_clear_error(tmp_path):
    run = fabricate(tmp_path, [w for w in women() if w.split == "train"])
    with pytest.raises(UserError, match="no mammogram of the test patients"):
        evaluated(run)


def test_two_evaluations_write_the_same_bytes(common, monkeypatch):
    run, metrics = common
    same = {name: metrics[name] for name in ("commit", "date")}
    monkeypatch.setattr("pipeline.evaluate.metrics.provenance", lambda: same)  # be it another day
    first = run.metrics.read_bytes()
    evaluated(run)
    assert run.metrics.read_bytes() == first


def test_one_patient_gives_figures_without_an_interval(tmp_path):
    metrics = metrics_of(fabricate(tmp_path, [w for w in women() if w.name.endswith("counts-0")]))
    assert metrics["counts"]["patients"] == 1
    assert 0.5 < metrics["patch_auc"]["value"] < 1
    assert metrics["patch_auc"]["low"] is None
    assert metrics["patch_auc"]["reason"] == "an interval needs at least two patients"
    assert "(no interval)" in metrics["line"]


def test_the_report_shows_the_figures_of_metrics_json(common):
    run, metrics = common
    page = run.report.read_text(encoding="utf-8")
    assert re.search(r"<td>evaluate</td><td>[^<]+</td><td>wrote this page</td>", page)
    figure = metrics["patch_auc"]
    assert f"{figure['value']:.3f}" in page
    assert f"{figure['low']:.3f} to {figure['high']:.3f}" in page
    left = metrics["groups"][0]
    cells = [left["by"].replace("laterality", "side"), left["group"], left["images"]]
    for figure in (left["patch_auc"], left["image_auc"]):
        cells += [f"{figure['value']:.3f}", f"{figure['low']:.3f} to {figure['high']:.3f}"]
    row = r"\s*".join(f"<td[^>]*>{cell}</td>" for cell in cells)
    assert re.search(row, page)
