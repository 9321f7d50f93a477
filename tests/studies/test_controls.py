"""Controls: figures that are known before they are measured, and faults that they find."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pipeline.annotations.geometry import geometry_of
from pipeline.annotations.labels import LabelRule
from pipeline.annotations.outlines import (
    Circle,
    Outline,
    read_outlines,
    standard_outlines,
    write_outlines,
)
from pipeline.config import EvaluateSettings, Settings
from pipeline.evaluate.judge import Bootstrap
from pipeline.evaluate.load import load_judged
from pipeline.evaluate.metrics import compute_metrics
from pipeline.model.image_map import ImageMap, original_axes
from pipeline.model.recipe import recipe_of
from pipeline.preprocess.tables import read_mammograms
from pipeline.report.run_page import write_report
from pipeline.run.events import EventLog
from pipeline.run.layout import RunFolder
from pipeline.run.settings import Remembered, remember
from pipeline.run.stage import Stage
from pipeline.studies import controls as study
from pipeline.studies.oracle import OracleMapper
from pipeline.train.data.permuted_labels import permute_labels
from tests.evaluate.fabricated_run import SPACING_MM, fabricate, women
from tests.model.cards import a_card, change_card
from tests.model.rules import a_rule

SETTINGS = Settings.model_validate(
    {"image": {"spacing_mm": SPACING_MM}, "evaluate": {"bootstrap": 60}}
)
QUICK = EvaluateSettings(bootstrap=200)
SHORTCUT = {
    "question": "abnormal against normal",
    "kinds": ["abnormal", "normal"],
    "auc": {"value": 0.55, "low": 0.4, "high": 0.7},
}


@pytest.fixture
def run(tmp_path) -> RunFolder:
    """A run after heatmap."""
    run = fabricate(tmp_path, women(normal=10, abnormal=10))
    remember(run, SETTINGS, Remembered("configs/default.yaml", {"train.epochs": "7"}, ""))
    run.heatmap_summary.write_text(json.dumps(summary(run)))
    write_audit(run, SHORTCUT)
    return run


def write_audit(run: RunFolder, shortcut: dict) -> None:
    rest = {"sources": [], "labels": {"outlines": 10, "problems": []}, "findings": []}
    run.audit.write_text(json.dumps({"shortcut": shortcut, **rest}))


def summary(run: RunFolder) -> dict:
    """heatmap.json of maps with two positions to one of the patch table."""
    return {
        "model": str(run.root),
        "model_of_this_run": True,
        "model_sha256": "0" * 64,
        "natural_prior": 0.03,
        "region_threshold": 0.2,
        "pitch_mm": 4 * SPACING_MM,
    }


def controlled(run: RunFolder, tmp_path, *, oracle: bool = False, **how):
    """The controls, whose training fabricates a run of noise, and what the study asked for."""
    asked = []

    def run_stages(sub, study, changed, *, upto):
        asked.append((upto, sub.root, changed))
        people = women(normal=10, abnormal=10)
        sub.root.parent.mkdir(exist_ok=True)
        fabricate(tmp_path / "made", people, oracle=oracle).root.rename(sub.root)

    opened = Stage(run, SETTINGS, EventLog(run, "controls"))
    return study.run_controls(opened, run_stages=run_stages, **how), asked


def test_all_controls_hold_on_a_sound_run_and_are_written(run, tmp_path):
    controls, _ = controlled(run, tmp_path)
    assert {name: c.holds for name, c in controls.items()} == {
        "permuted_labels": True,
        "oracle_heatmap": True,
        "background_alone": True,
    }
    assert study.failed(controls) == []
    written = json.loads(run.controls.read_text())
    assert written["recipe"] == recipe_of(SETTINGS, [a_card()])
    for name, control in written["controls"].items():
        assert set(control) >= {"value", "low", "high", "expected", "holds", "sentence"}, name
    assert written["controls"]["oracle_heatmap"]["value"] == 1.0


def test_the_control_of_permuted_labels_is_a_short_training_of_its_own(run, tmp_path):
    _, asked = controlled(run, tmp_path)
    assert asked == [
        (
            "heatmap",
            run.root / "controls" / "permuted",
            {
                "train.steps_per_epoch": "100",  # train.epochs is the user's
                "maps.flips": "1",
                "maps.zooms": "1",
                "train.members": "1",
                "train.permute_labels": "true",
            },
        ),
    ]
    assert run.control("permuted").study.root == run.root


@pytest.mark.parametrize(
    ("rate", "given", "asked_for"),
    [(2e-3, {}, "0.0005"), (2e-3, {"train.learning_rate": "2e-3"}, None)],
)
def test_a_short_control_trains_at_a_rate_that_it_survives(run, tmp_path, rate, given, asked_for):
    fast = SETTINGS.train.model_copy(update={"learning_rate": rate})
    settings = SETTINGS.model_copy(update={"train": fast})
    remember(run, settings, Remembered("configs/default.yaml", given, ""))
    _, asked = controlled(run, tmp_path)
    assert asked[0][2].get("train.learning_rate") == asked_for


def test_the_full_schedule_is_that_of_the_config(run, tmp_path):
    _, asked = controlled(run, tmp_path, full=True)
    assert asked[0][2] == {"train.members": "1", "train.permute_labels": "true"}


def test_a_run_that_trains_nothing_has_no_control_of_permuted_labels(tmp_path):
    run = fabricate(tmp_path, women(), model=str(tmp_path / "run"))
    run.heatmap_summary.write_text(json.dumps(summary(run)))
    controls, asked = controlled(run, tmp_path)
    assert controls["permuted_labels"].holds is None
    assert asked == []
    assert controls["background_alone"].holds is None  # no audit
    assert study.failed(controls) == []


def test_a_network_that_knows_the_true_labels_tells_nothing_about_permuted_ones(tmp_path):
    judged = load_judged(fabricate(tmp_path, women(normal=10, abnormal=10), oracle=True))
    control = study.judge_permuted(judged, QUICK, seed=0)
    assert control.low <= 0.5 <= control.high
    assert control.holds and control.required


def test_a_network_that_gives_one_number_everywhere_shows_nothing(tmp_path):
    judged = load_judged(fabricate(tmp_path, women(normal=10, abnormal=10)))
    constant = replace(judged, positions=judged.positions.assign(logit=0.25))
    control = study.judge_permuted(constant, QUICK, seed=0)
    assert control.holds is None
    assert "has learned nothing" in control.sentence


def test_a_network_that_has_seen_the_permuted_labels_is_found_out(tmp_path):
    judged = load_judged(fabricate(tmp_path, women(normal=10, abnormal=10)))
    seen = permute_labels(judged.positions, seed=4)
    leaked = judged.positions.assign(logit=judged.positions["logit"] + 2 * seen["label"])
    control = study.judge_permuted(replace(judged, positions=leaked), QUICK, seed=4)
    assert control.value > 0.8
    assert control.holds is False
    assert study.failed({"permuted_labels": control}) == ["permuted_labels"]
    assert study.judge_permuted(replace(judged, positions=leaked), QUICK, seed=5).holds
    turned = leaked.assign(logit=-leaked["logit"])
    assert study.judge_permuted(replace(judged, positions=turned), QUICK, seed=4).holds is False


def test_a_network_that_tells_abnormal_images_by_their_look_is_found_out(tmp_path):
    judged = load_judged(fabricate(tmp_path, women(normal=10, abnormal=10)))
    abnormal = judged.positions["image_id"].str.contains("counts")
    look = judged.positions.assign(logit=judged.positions["logit"] + 2.0 * abnormal)
    control = study.judge_permuted(replace(judged, positions=look), QUICK, seed=0)
    assert control.holds is False
    assert "differ as a whole" in control.sentence


def test_the_oracle_is_ranked_by_its_map_alone_whatever_score_the_model_has(run, tmp_path):
    # It would put all candidates of a mammogram with a high place last.
    score = {"lowered": {"weight": 1, "mean": 0}, "highest": {"weight": -5, "mean": 0}}
    score |= {"other": {"weight": 0, "mean": 0}, "intercept": 0, "lesions": 40, "women": 40}
    change_card(run.model, candidate_score=score)
    controls, _ = controlled(run, tmp_path)
    assert controls["oracle_heatmap"].value == 1.0


def test_a_lesion_that_no_map_could_find_is_named_by_the_oracle(run, tmp_path):
    change_card(run.model, maps={"max_candidates": 1})
    outlines = read_outlines(run)
    outlines["test-counts-3"].append(outline(60.0, 60.0, 40.0))
    write_outlines(run, outlines)
    controls, _ = controlled(run, tmp_path)
    oracle = controls["oracle_heatmap"]
    assert oracle.value == pytest.approx(10 / 11)
    assert oracle.holds is False
    assert "1 of them, in test-counts-3" in oracle.sentence
    assert study.failed(controls) == ["oracle_heatmap"]


MAMMOGRAM = {
    "height": 240,
    "width": 160,
    "spacing_mm": SPACING_MM,
    "flipped": False,
    "original_height": 240,
    "original_width": 160,
    "row0": 0,
    "col0": 0,
    "row_scale": 1.0,
    "col_scale": 1.0,
}


def outline(row: float, col: float, radius: float, *, positive: bool = True) -> Outline:
    return Outline(f"{row}-{col}", "mass", "", positive, Circle(row, col, radius))


def drawn(*outlines: Outline):
    geometry = geometry_of(MAMMOGRAM)
    counting = [o for o in standard_outlines(outlines, geometry) if o.positive]
    mapper = OracleMapper(counting, LabelRule.from_settings(SETTINGS.labels, SPACING_MM), 4)
    logit, _ = mapper(np.zeros((geometry.height, geometry.width), np.float32), a_rule(4))
    rows, cols = original_axes(MAMMOGRAM, pitch_px=4)
    return ImageMap(logit, logit, rows, cols)


def test_the_oracle_is_highest_at_the_centre_of_an_outline_and_low_outside():
    image_map = drawn(outline(100, 80, 40))
    assert np.nanmin(image_map.logit) == -8
    row, col = np.unravel_index(np.nanargmax(image_map.logit), image_map.logit.shape)
    assert np.hypot(image_map.rows[row] - 100, image_map.cols[col] - 80) <= 3
    distance = np.hypot(image_map.rows[:, None] - 100, image_map.cols[None, :] - 80)
    assert ((image_map.logit > 0) == (distance <= 40)).all()


def test_an_outline_that_does_not_count_is_not_on_the_map_of_the_oracle():
    assert np.nanmax(drawn(outline(100, 80, 40, positive=False)).logit) == -8


def test_where_two_outlines_overlap_the_oracle_prefers_the_place_in_both():
    image_map = drawn(outline(100, 60, 30), outline(100, 95, 15))
    row, col = np.unravel_index(np.nanargmax(image_map.logit), image_map.logit.shape)
    for at, radius in ((60, 30), (95, 15)):
        assert np.hypot(image_map.rows[row] - 100, image_map.cols[col] - at) <= radius


def test_the_oracle_is_perfect_on_every_figure_of_the_evaluation(run, tmp_path):
    controlled(run, tmp_path)
    judged = load_judged(run.control("oracle"))
    metrics = compute_metrics(judged, Bootstrap.of(judged, QUICK), QUICK, {})
    for name in ("patch_auc", "image_auc", "mean_froc"):
        assert metrics[name]["value"] == 1.0, name
    # Its candidates come from the map and its places from the geometry of the mammogram.
    candidates = pd.read_csv(run.control("oracle").candidates)
    first = candidates[candidates["rank"] == 1].set_index("image_id")
    mammograms = read_mammograms(run).set_index("image_id")
    for image_id, outlines in read_outlines(run.control("oracle")).items():
        for shape in outlines:
            found, circle = first.loc[image_id], shape.circle
            distance = np.hypot(found["row"] - circle.row, found["col"] - circle.col)
            assert distance <= 4 * mammograms.loc[image_id, "row_scale"]


@pytest.mark.parametrize(
    ("low", "high", "synthetic", "holds", "fault"),
    [
        (0.4, 0.7, True, True, False),
        (0.52, 0.7, True, False, True),
        (0.3, 0.49, True, False, True),
        (0.52, 0.7, False, False, False),
    ],
)
def test_the_background_must_tell_nothing_on_the_phantom_and_is_reported_elsewhere(
    low, high, synthetic, holds, fault
):
    auc = {"value": (low + high) / 2, "low": low, "high": high}
    control = study.judge_background(SHORTCUT | {"auc": auc}, synthetic=synthetic)
    assert control.holds is holds
    assert bool(study.failed({"background_alone": control})) is fault


def test_too_few_patients_for_the_audit_are_no_fault():
    auc = {"value": None, "low": None, "high": None, "reason": "3 patients"}
    control = study.judge_background(SHORTCUT | {"auc": auc}, synthetic=True)
    assert control.holds is None
    assert "3 patients" in control.sentence


def test_the_report_shows_each_control_and_marks_a_fault(run, tmp_path):
    worse = {"value": 0.62, "low": 0.55, "high": 0.7}
    write_audit(run, SHORTCUT | {"auc": worse})
    controlled(run, tmp_path)
    write_report(run)
    page = " ".join(run.report.read_text().split())
    assert page.count("<b>does not hold</b>") == page.count('<p class="remark">') == 1
    assert 'mean FROC sensitivity</td><td class="n">1.000</td>' in page
    assert "0.550 to 0.700" in page
    assert '<p class="remark">The image without its breast tells abnormal against normal' in page


def test_the_model_card_shows_the_controls(run, tmp_path):
    controlled(run, tmp_path)
    assert "| Labels permuted within each image: patch AUC | 0." in run.model_card.read_text()


def test_a_report_without_controls_names_the_command(tmp_path):
    run = RunFolder(tmp_path / "new")
    write_report(run)
    assert "<code>make controls</code>" in run.report.read_text()
