"""How far the copies of a map differ: in the map, in the table of regions, as a picture."""

import cv2
import numpy as np
import pandas as pd
import pytest

from pipeline.config import HeatmapSettings, MapSettings, Settings
from pipeline.heatmap.pictures.map_pictures import Caption, copies_in_words, write_uncertainty
from pipeline.heatmap.regions import find_regions
from pipeline.heatmap.stage import heatmap
from pipeline.model.card import read_card
from pipeline.model.image_map import ImageMap, original_axes
from pipeline.pages.colours import SpreadScale
from pipeline.run.events import EventLog, read_events
from pipeline.run.layout import RunFolder
from pipeline.run.stage import Stage
from tests.heatmap.small_run import (
    MARK,
    BrightnessNetwork,
    mammogram_row,
    write_model_card,
    write_small_run,
    write_store_entry,
)

IMAGES = ("mirrored", "plain")
COLD = {"training_prior": 0.5, "natural_prior": 0.02, "temperature": 2.0}


@pytest.fixture
def run(tmp_path) -> RunFolder:
    return write_small_run(tmp_path)


def mapped(
    run: RunFolder, *, flips: int = 1, zooms=(1.0,), temperature: float = 1.0, **settings
) -> RunFolder:
    maps = MapSettings(flips=flips, zooms=zooms).model_dump(mode="json")
    write_model_card(run, maps=maps, calibration=COLD | {"temperature": temperature})
    chosen = Settings(heatmap=HeatmapSettings(min_region_mm2=1.0, **settings))
    # Copies differ by 0.5 where there are several.
    heatmap(Stage(run, chosen, EventLog(run, "heatmap")), mapper_of=BrightnessNetwork().of)
    return run


def test_with_mirrored_copies_map_regions_and_picture_have_the_spread(run):
    mapped(run, flips=4)
    for image_id in IMAGES:
        with np.load(run.heatmap(image_id)) as file:
            np.testing.assert_array_equal(np.isnan(file["spread"]), np.isnan(file["logit"]))
            assert np.nanmin(file["spread"]) == np.nanmax(file["spread"]) == 0.5
        assert cv2.imread(str(run.uncertainty_picture(image_id))).shape == (1000, 1600, 3)
    assert pd.read_csv(run.regions)["logit_sd"].tolist() == [0.5, 0.5]


def test_copies_of_several_sizes_have_a_spread_too(run):
    mapped(run, zooms=(0.8, 1.0))
    assert pd.read_csv(run.regions)["logit_sd"].tolist() == [0.5, 0.5]


def test_the_spread_is_that_of_the_calibrated_logit(run):
    mapped(run, flips=4, temperature=2.0)
    assert pd.read_csv(run.regions)["logit_sd"].tolist() == [0.25, 0.25]


def test_with_one_copy_there_is_no_spread_anywhere(run):
    mapped(run, flips=1)
    with np.load(run.heatmap("plain")) as file:
        assert "spread" not in file
    assert pd.read_csv(run.regions)["logit_sd"].isna().all()
    assert not run.uncertainty.exists()


def test_the_pictures_can_be_left_out_and_the_numbers_stay(run):
    mapped(run, flips=4, uncertainty=False)
    assert not run.uncertainty.exists()
    assert pd.read_csv(run.regions)["logit_sd"].tolist() == [0.5, 0.5]


def test_pictures_of_before_are_removed_where_there_are_none_any_more(run):
    mapped(run, flips=4)
    mapped(run, flips=4, uncertainty=False)
    assert not list(run.uncertainty.iterdir())


def test_the_pictures_are_sent_to_tracking_in_a_folder_of_their_own(run):
    mapped(run, flips=2)
    events = read_events(run.events)
    sent = [e["path"] for e in events if e["event"] == "artifact" and e["folder"] == "uncertainty"]
    assert sent == [f"uncertainty/{image_id}.png" for image_id in IMAGES]


@pytest.mark.parametrize(
    ("flips", "zooms", "members", "words"),
    [
        (1, (1.0,), 1, ""),
        (4, (1.0,), 1, "4 mirrored copies"),
        (1, (1.0,), 3, "3 networks"),
        (4, (1.0,), 3, "4 mirrored copies of each of 3 networks"),
        (1, (0.8, 1.0), 1, "2 sizes"),
        (2, (0.8, 1.0), 3, "2 mirrored copies of each of 2 sizes of each of 3 networks"),
    ],
)
def test_it_says_what_the_spread_is_over(run, flips, zooms, members, words):
    maps = MapSettings(flips=flips, zooms=zooms).model_dump(mode="json")
    write_model_card(run, maps=maps, network={"members": members})
    card = read_card(run.model)
    assert copies_in_words(card) == words
    assert card.copies == flips * len(zooms) * members


def test_the_spread_of_a_region_is_the_mean_over_its_positions():
    probability = np.array([[0.9, 0.9, 0.1]], np.float32)
    spread = np.array([[0.2, 0.6, 5.0]], np.float32)
    axes = np.array([5.0, 15.0]), np.array([5.0, 15.0, 25.0])
    twice = (np.repeat(probability, 2, axis=0), np.repeat(spread, 2, axis=0))
    logit = np.repeat(np.float32([[2, 2, -2]]), 2, axis=0)
    image_map = ImageMap(logit, twice[0], *axes, twice[1])
    regions = find_regions(
        image_map, image_map.logit, threshold_logit=0.0, min_area_mm2=0, pitch_mm=1,
        original_height=20, original_width=30, original_spacing_mm=0.5,
    )  # fmt: skip
    assert regions.table["logit_sd"].tolist() == pytest.approx([0.4])


@pytest.mark.parametrize("flipped", [False, True])
def test_the_picture_is_coloured_where_the_copies_differ(tmp_path, flipped):
    write_store_entry(tmp_path / "a", flipped=flipped)
    row = mammogram_row("a", tmp_path / "a", flipped=flipped)
    rows, cols = original_axes(row, pitch_px=4)
    away = np.hypot(rows[:, None] - MARK[0], cols[None, :] - (MARK[1] - 50)) < 17
    spread = np.where(away, 1.4, 0.0).astype(np.float32)
    logit = np.full_like(spread, -4)
    image_map = ImageMap(logit, 1 / (1 + np.exp(-logit)), rows, cols, spread)
    regions = find_regions(
        image_map, image_map.logit, threshold_logit=-0.85, min_area_mm2=0, pitch_mm=0.8,
        original_height=300, original_width=240, original_spacing_mm=0.1,
    )  # fmt: skip
    caption = Caption("runs/x", 0.02, 0.3, copies="4 mirrored copies")
    write_uncertainty(tmp_path / "a.png", row, image_map, regions, caption)
    picture = cv2.imread(str(tmp_path / "a.png")).astype(int)[70:930]
    coloured = picture.max(axis=-1) - picture.min(axis=-1) > 40
    assert not coloured[:, :750].any()
    # The bright mark at the left has no colour at the right; the place 50 columns before it has.
    bright = np.argwhere(picture[:760, :730].min(axis=-1) > 180).mean(axis=0)
    heat = np.argwhere(coloured[:760, 750:1480]).mean(axis=0)
    pixels = 710 / 160  # on the sheet for each original pixel, as the panel shows 160 columns
    assert abs(bright[0] - heat[0]) < 12
    assert abs(heat[1] + 750 - 0.46 * 1600 - (bright[1] - 50 * pixels)) < 15


def test_no_spread_is_transparent_and_beyond_the_scale_all_look_alike():
    scale = SpreadScale(high=1.5)
    assert scale.share(np.array([0, 0.75, 1.5, 9])) == pytest.approx([0, 0.5, 1, 1])
    blended = scale.blend(np.full((1, 2), 0.4, np.float32), np.array([[0.0, 1.0]]))
    assert blended[0, 0] == pytest.approx([0.4] * 3)
    assert blended[0, 1].max() - blended[0, 1].min() > 0.3
