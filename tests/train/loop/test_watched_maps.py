"""Pictures of a few validation mammograms after each epoch: the same ones, and none twice."""

import cv2
import numpy as np
import pytest

from pipeline.drawing.sheet import rgb
from pipeline.model.map_rule import MapRule
from pipeline.model.validation import MappedImage
from pipeline.pages.colours import BACKGROUND
from pipeline.preprocess.store.entries import read_breast
from pipeline.run.events import read_events
from pipeline.train.data.inputs import inputs_of, read_tables
from pipeline.train.loop.watched_maps import LINE_PX, PANEL_PX, WatchedMaps
from tests.train.toy_run import HEIGHT, LABELS, WIDTH, stage_of, toy_settings

RULE = MapRule.from_settings(
    toy_settings().maps, toy_settings().image, LABELS, stride_px=8
).of_one_copy()


@pytest.fixture
def watched(toy_run):
    stage = stage_of(toy_run, toy_settings())
    inputs = inputs_of(read_tables(stage), stage.settings)
    return WatchedMaps.of(stage, inputs), inputs.validation


def mapped(image, *, at=None) -> MappedImage:
    logit = np.full((26, 21), -4.0, np.float32)
    if at:
        logit[at] = 9.0
    return MappedImage(image, logit)


def images_of(run):
    return [e for e in read_events(run.events) if e["event"] == "image"]


def test_two_with_a_finding_and_one_without_are_watched(watched):
    maps, validation = watched
    found = {image.image_id: bool(image.outlines) for image in validation}
    assert {image_id: found[image_id] for image_id in maps.image_ids} == {
        "i6": True,
        "i7": False,
        "i8": True,
    }


def test_the_picture_shows_the_map_beside_the_mammogram_and_nothing_beyond_the_breast(
    watched, toy_run
):
    maps, validation = watched
    image = validation[1]
    maps.note(mapped(image, at=(12, 10)), RULE, step=5)
    [event] = images_of(toy_run)
    assert (event["key"], event["step"]) == ("i7", 5)
    picture = cv2.imread(str(toy_run.root / event["path"])).astype(int)
    height, width = PANEL_PX[0], round(PANEL_PX[0] * WIDTH / HEIGHT)
    assert picture.shape[1] >= 4 / 3 * picture.shape[0]
    picture = picture[LINE_PX:]
    colour = picture.max(axis=-1) - picture.min(axis=-1) > 60
    rows, cols = np.nonzero(colour[:, -width:])
    assert not colour[:, :width].any() and len(rows)
    expected = np.array([12, 10]) * RULE.pitch_px * height / HEIGHT
    np.testing.assert_allclose([rows.mean(), cols.mean()], expected, atol=3)
    breast = read_breast(image.store)
    beyond = round((np.nonzero(breast.any(axis=0))[0].max() + 2) * 8 * height / HEIGHT)
    assert picture[:, beyond + 4 : width - 2].max() <= max(rgb(BACKGROUND))


def test_a_mammogram_that_is_not_watched_is_not_drawn(watched, toy_run):
    maps, validation = watched
    others = WatchedMaps(frozenset(), maps.folder, maps.events, maps.calibration, synthetic=False)
    others.note(mapped(validation[0]), RULE, step=5)
    assert not toy_run.watched_maps.exists() and images_of(toy_run) == []


def test_what_is_drawn_again_after_a_kill_is_there_once(watched, toy_run):
    maps, validation = watched
    for _ in range(2):  # drawn and logged, and no checkpoint knew it
        maps.note(mapped(validation[0]), RULE, step=5)
    assert len({e["path"] for e in images_of(toy_run)}) == 1
    assert len(list(toy_run.watched_maps.iterdir())) == 1


def test_another_training_replaces_no_picture(watched, toy_run):
    maps, validation = watched
    for at in ((3, 3), (9, 9)):
        maps.note(mapped(validation[0], at=at), RULE, step=5)
    assert len({e["path"] for e in images_of(toy_run)}) == 2


def test_the_first_picture_is_the_mammogram_with_its_truth_alone(watched, toy_run):
    maps, validation = watched
    maps.note_start(validation)
    shown = {e["key"]: e for e in images_of(toy_run)}
    assert {e["step"] for e in shown.values()} == {0} and set(shown) == maps.image_ids
    picture = cv2.imread(str(toy_run.root / shown["i7"]["path"])).astype(int)
    assert (picture.max(axis=-1) - picture.min(axis=-1)).max() < 40  # no finding and no map
