"""Pictures: what they show and how they are oriented."""

from dataclasses import replace

import cv2
import numpy as np
import pandas as pd
import pytest

from pipeline.annotations.geometry import geometry_of
from pipeline.drawing.field import Field, field_of, grey_picture, on_picture
from pipeline.heatmap.pictures.map_pictures import Caption, truth_in_words, write_overlay
from pipeline.heatmap.pictures.region_marks import label_places
from pipeline.heatmap.regions import find_regions
from pipeline.model.image_map import ImageMap, original_axes
from pipeline.pages.colours import SOFT, TRUTH, ProbabilityScale
from pipeline.preprocess.store.entries import read_breast, read_image
from tests.heatmap.small_run import MARK, OUTLINE, mammogram_row, write_store_entry


def marked_map(row) -> ImageMap:
    """Hot round the mark, cold elsewhere."""
    rows, cols = original_axes(row, pitch_px=4)
    near = np.hypot(rows[:, None] - MARK[0], cols[None, :] - MARK[1]) < 17
    probability = np.where(near, 0.85, 0.01).astype(np.float32)
    logit = np.log(probability) - np.log1p(-probability)
    return ImageMap(logit, probability, rows, cols)


def draw(tmp_path, *, outlines=(), flipped=False, **changed) -> np.ndarray:
    """The picture as (1000, 1600, 3) int."""
    write_store_entry(tmp_path / "a", flipped=flipped)
    row = mammogram_row("a", tmp_path / "a", flipped=flipped, **changed)
    image_map = marked_map(row)
    regions = find_regions(
        image_map,
        image_map.logit,
        threshold_logit=np.log(0.3 / 0.7),
        min_area_mm2=0,
        pitch_mm=0.8,
        original_height=300,
        original_width=240,
        original_spacing_mm=0.1,
    )
    caption = Caption(model="runs/x", prior=0.02, threshold=0.3)
    write_overlay(tmp_path / "a.png", row, image_map, regions, list(outlines), caption)
    return cv2.imread(str(tmp_path / "a.png")).astype(int)[..., ::-1]


def coloured(picture: np.ndarray) -> np.ndarray:
    """Pixels that are not grey."""
    return picture.max(axis=-1) - picture.min(axis=-1) > 40


@pytest.mark.parametrize("flipped", [False, True])
def test_the_picture_is_landscape_with_a_grey_and_a_coloured_panel(tmp_path, flipped):
    picture = draw(tmp_path, flipped=flipped)
    height, width = picture.shape[:2]
    assert (height, width) == (1000, 1600)
    left, right = picture[70:830, : width // 2 - 50], picture[70:830, width // 2 - 50 : 1480]
    assert not coloured(left).any() and coloured(right).any()
    # Above the scale bar: the bright mark left, its colour right, at the same place.
    bright = np.argwhere(left.min(axis=-1) > 180).mean(axis=0)
    heat = np.argwhere(coloured(right)).mean(axis=0)
    assert abs(bright[0] - heat[0]) < 12
    # The panels begin 0.46 of the width apart, and the cut lies at 750.
    assert abs(bright[1] + 0.46 * width - (heat[1] + 750)) < 12


def test_truth_is_outlined_in_its_own_colour(tmp_path):
    def green(picture):
        panel = picture[70:930, 750:1480]
        red, value, blue = panel[..., 0], panel[..., 1], panel[..., 2]
        return ((value - red > 100) & (value - blue > 60)).sum()

    assert green(draw(tmp_path)) == 0
    solid = green(draw(tmp_path, outlines=[OUTLINE]))
    dotted = green(draw(tmp_path, outlines=[replace(OUTLINE, positive=False)]))
    assert solid > 1.3 * dotted > 0


def test_a_phantom_is_marked_synthetic_in_title_and_panels(tmp_path):
    def orange(picture):
        return (picture[..., 0] - picture[..., 2] > 150) & (picture[..., 1] > 120)

    marked, plain = draw(tmp_path, dataset="phantom"), draw(tmp_path, dataset="mias")
    assert orange(marked)[:70, 600:1000].sum() > 200 and orange(plain)[:70].sum() == 0
    assert orange(marked)[70:930, :750].sum() > 100 and orange(plain)[70:930, :750].sum() == 0


def test_outside_the_breast_the_picture_is_black(tmp_path):
    image = np.full((80, 80), 60_000, np.uint16)
    breast = np.zeros((10, 10), bool)
    breast[:, :4] = True  # columns 0 ... 31, shown to 39
    picture = grey_picture(image, breast, (40, 40), flipped=False)
    assert (picture[:, :20] > 0.9).all() and (picture[:, 20:] == 0).all()
    mirrored = grey_picture(image, breast, (40, 40), flipped=True)
    np.testing.assert_array_equal(mirrored, picture[:, ::-1])


@pytest.mark.parametrize("flipped", [False, True])
def test_picture_and_map_agree_where_the_mark_is(tmp_path, flipped):
    write_store_entry(tmp_path / "a", flipped=flipped)
    row = mammogram_row("a", tmp_path / "a", flipped=flipped)
    geometry = geometry_of(row)
    field = field_of(geometry)
    assert field.extent == (39.5, 199.5, 249.5, 49.5)
    shape = field.shape_px(100, 80)
    assert shape == (100, 80)
    grey = grey_picture(read_image(row["store"]), read_breast(row["store"]), shape, flipped=flipped)
    image_map = marked_map(row)
    heat = on_picture(image_map.probability, image_map, field, shape)
    in_picture = (np.array(MARK) - (50, 40)) / 2
    np.testing.assert_allclose(np.argwhere(grey > 0.5).mean(axis=0), in_picture, atol=1)
    np.testing.assert_allclose(np.argwhere(heat > 0.4).mean(axis=0), in_picture, atol=1)


def test_the_prior_is_transparent_and_odds_are_even_steps():
    scale = ProbabilityScale(low=0.1)
    assert scale.share(np.array([0.0, 0.1, 0.5, 0.9, 1.0])) == pytest.approx([0, 0, 0.5, 1, 1])
    grey = np.full((1, 2), 0.4, np.float32)
    blended = scale.blend(grey, np.array([[0.0, 1.0]]))
    assert blended[0, 0] == pytest.approx([0.4] * 3)
    assert blended[0, 1].max() - blended[0, 1].min() > 0.3


@pytest.mark.parametrize("prior", [1e-4, 0.3, 0.5, 0.9, 0.95, 0.999])
def test_a_higher_probability_has_a_higher_place_whatever_the_prior(prior):
    scale = ProbabilityScale(low=prior)
    above = 1 - (1 - prior) * np.array([1.0, 0.9, 0.5, 0.1])
    places = scale.share(np.array([prior / 2, *above]))
    assert places[:2] == pytest.approx([0, 0], abs=1e-12)
    assert (np.diff(places[1:]) > 0).all()
    ticks = [place for place, _ in scale.ticks()]
    assert (ticks[0], ticks[-1]) == (0, pytest.approx(1))
    assert ticks == sorted(ticks)


def test_labels_of_regions_stay_in_the_picture_and_apart():
    table = pd.DataFrame(
        {
            "row0": [0, 3, 990, 500, 505],
            "col0": [100, 120, 100, 640, 380],
            "col1": [150, 150, 150, 850, 480],
            "centroid_col": [125, 135, 125, 825, 430],
        }
    )
    places = label_places(table, Field(top=0, bottom=1000, left=0, right=1000))
    assert [p.row for p in places] == pytest.approx([26, 52, 974, 500, 526])
    assert [(p.col, p.grows_right) for p in places] == [
        (150, True),
        (150, True),
        (150, True),
        (640, False),
        (480, True),
    ]


def test_only_a_known_truth_is_written_in_the_colour_of_truth():
    for outcome, outlines, words, colour in (
        ("unknown", [], "truth unknown", SOFT),
        ("normal", [], "no finding", TRUTH),
        ("abnormal", [], "known to be abnormal, not outlined", SOFT),
        ("abnormal", [OUTLINE], "outlined finding", TRUTH),
    ):
        assert truth_in_words({"outcome": outcome}, outlines) == (words, colour)
