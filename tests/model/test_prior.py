"""The prior in use: a setting that moves every probability and no region, and is stated."""

import json

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from scipy.special import expit, logit

from pipeline.config import HeatmapSettings, Settings
from pipeline.evaluate.load import load_judged
from pipeline.heatmap.pictures.map_pictures import write_overlay
from pipeline.heatmap.stage import heatmap
from pipeline.model.card import read_card
from pipeline.preprocess.tables import read_mammograms
from pipeline.run.events import EventLog
from pipeline.run.layout import RunFolder
from pipeline.run.settings import Remembered, remember
from pipeline.run.stage import Stage
from tests.heatmap.small_run import BrightnessNetwork, write_model_card, write_small_run
from tests.model.cards import SITE

COUNTED = 0.02  # of the small run's model


def mapped(run: RunFolder, *, prior: float | None = None) -> RunFolder:
    settings = Settings(heatmap=HeatmapSettings(min_region_mm2=1.0, prior=prior))
    remember(run, settings, Remembered("configs/mias.yaml", {}, ""))
    heatmap(Stage(run, settings, EventLog(run, "heatmap")), mapper_of=BrightnessNetwork().of)
    return run


def probability_map(run: RunFolder) -> np.ndarray:
    with np.load(run.heatmap("plain")) as file:
        return file["probability"]


def test_probabilities_move_by_the_odds_of_the_priors_and_logits_stay(tmp_path):
    run = mapped(write_small_run(tmp_path))
    counted, trained = probability_map(run), pd.read_parquet(run.predictions)["logit"]
    mapped(run, prior=0.005)
    moved = probability_map(run)
    odds = (moved / (1 - moved)) / (counted / (1 - counted))
    expected = (0.005 / 0.995) / (COUNTED / (1 - COUNTED))
    finite = np.isfinite(counted)
    np.testing.assert_allclose(odds[finite], expected, rtol=1e-3)
    pd.testing.assert_series_equal(pd.read_parquet(run.predictions)["logit"], trained)


def test_regions_are_the_same_areas_with_other_probabilities(tmp_path):
    run = mapped(write_small_run(tmp_path))
    counted = pd.read_csv(run.regions)
    moved = pd.read_csv(mapped(run, prior=0.3).regions)
    places = ["image_id", "row0", "col0", "row1", "col1", "area_mm2"]
    pd.testing.assert_frame_equal(moved[places], counted[places])
    assert (moved["peak_probability"] > counted["peak_probability"]).all()


def test_the_threshold_stays_at_the_logit_where_it_was(tmp_path):
    run = write_small_run(tmp_path)
    write_model_card(
        run, calibration={"training_prior": 0.5, "natural_prior": 0.02, "temperature": 2.5}
    )
    card = read_card(run.model)
    moved = card.with_prior(0.1)
    there = card.calibration.trained_logit(logit(card.region_threshold))
    here = moved.calibration.trained_logit(logit(moved.region_threshold))
    assert here == pytest.approx(there, abs=1e-5)
    assert moved.region_threshold > card.region_threshold == 0.3


def test_without_the_setting_or_with_its_own_prior_the_card_is_the_same_object(tmp_path):
    card = read_card(write_small_run(tmp_path).model)
    assert card.with_prior(None) is card
    assert card.with_prior(COUNTED) is card


@pytest.mark.parametrize("prior", [0, 1, -0.1])
def test_a_prior_is_a_share_between_0_and_1(prior):
    with pytest.raises(ValidationError, match="prior"):
        HeatmapSettings(prior=prior)


def test_the_prior_in_use_is_stated_in_summary_report_and_every_picture(tmp_path, monkeypatch):
    captions = []

    def noting(path, *rest):
        captions.append(rest[-1])
        write_overlay(path, *rest)

    monkeypatch.setattr("pipeline.heatmap.describe_mammogram.write_overlay", noting)
    run = mapped(write_small_run(tmp_path), prior=0.005)
    summary = json.loads(run.heatmap_summary.read_text())
    assert (summary["natural_prior"], summary["counted_prior"]) == (0.005, COUNTED)
    assert [(c.prior, c.prior_is_set) for c in captions] == [(0.005, True)] * 2
    page = " ".join(run.report.read_text().split())
    assert "<b>The prior in use is 0.50 %</b>, set for this run." in page
    assert "where the model was made it was 2.0 %" in page
    captions.clear()
    mapped(run)
    assert [(c.prior, c.prior_is_set) for c in captions] == [(COUNTED, False)] * 2
    assert "set for this run" not in run.report.read_text()


def test_the_evaluation_judges_the_probabilities_of_the_maps(tmp_path):
    run = mapped(write_small_run(tmp_path), prior=0.3)
    judged = load_judged(run)
    table = pd.read_parquet(run.predictions)
    table = table[table["label"] >= 0]
    np.testing.assert_allclose(
        expit(judged.positions["logit"].to_numpy()), table["probability"], rtol=1e-4
    )
    assert (
        judged.card.region_threshold
        == json.loads(run.heatmap_summary.read_text())["region_threshold"]
    )


def calibrated_on(run: RunFolder, pixel_hashes: list[str]) -> None:
    write_model_card(run, calibrated_on=SITE | {"pixel_hashes": pixel_hashes})


def with_pixels(run: RunFolder) -> RunFolder:
    mammograms = read_mammograms(run)
    mammograms["pixel_sha256"] = [4 * f"{i:016x}" for i in range(len(mammograms))]
    mammograms.to_csv(run.mammograms, index=False)
    return run


def test_patients_of_the_calibration_are_named_when_the_model_meets_them(tmp_path, capsys):
    run = with_pixels(write_small_run(tmp_path))
    calibrated_on(run, [f"{1:016x}"])
    mapped(run)
    said = "he model was calibrated on 1 of these 2 patients"
    assert said in capsys.readouterr().err
    page = " ".join(run.report.read_text().split())
    assert said in page
    assert "on 30 patients with 40 findings, 2026-11-22" in page


def test_patients_of_the_training_are_named_when_the_model_meets_them(tmp_path, capsys):
    run = with_pixels(write_small_run(tmp_path))
    write_model_card(run, training={"pixel_hashes": [f"{1:016x}", f"{9:016x}"]})
    mapped(run)
    said = "he model was trained on 1 of these 2 patients"
    assert said in capsys.readouterr().err
    assert said in " ".join(run.report.read_text().split())


def test_other_patients_are_told_of_the_calibration_and_not_warned(tmp_path, capsys):
    run = with_pixels(write_small_run(tmp_path))
    calibrated_on(run, [f"{7:016x}"])
    mapped(run)
    assert capsys.readouterr().err == ""
    page = " ".join(run.report.read_text().split())
    assert "calibrated anew" in page and "Not a test of the calibration" not in page
