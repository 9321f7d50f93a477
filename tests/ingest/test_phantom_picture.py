"""A picture: where the breast and the lesions are, and that nothing else knows of lesions."""

import cv2
import numpy as np
import pytest

from pipeline.config import PhantomSettings
from pipeline.ingest.phantom.anatomy import make_anatomy, make_body, picture_shape
from pipeline.ingest.phantom.lesions import CONFUSERS, draw_lesion
from pipeline.ingest.phantom.picture import add_stamp, choose_place, draw_picture
from pipeline.ingest.phantom.plan import KINDS, SIDES, VIEWS, plan_patient

NORMAL = PhantomSettings(abnormal_share=0, spacing_mm=0.4)
ABNORMAL = PhantomSettings(abnormal_share=1, spacing_mm=0.4)
FILM = 4  # the first patient with a frame and a sticker


def _draw(phantom, index, side, view):
    return draw_picture(plan_patient(index, phantom), side, view, phantom)


def _filled(outlines, shape, grow_px):
    """Mask of outlines grown by some pixels."""
    mask = np.zeros(shape, np.uint8)
    for outline in outlines:
        cv2.fillPoly(mask, [np.rint(outline[:, ::-1]).astype(np.int32)], 1)
    return cv2.dilate(mask, np.ones((2 * grow_px + 1, 2 * grow_px + 1), np.uint8)) > 0


@pytest.mark.parametrize("index", [0, FILM])
def test_lesions_change_nothing_but_the_pixels_at_their_outlines(index):
    changed_inside = 0
    for side in SIDES:
        for view in VIEWS:
            normal, abnormal = (_draw(p, index, side, view) for p in (NORMAL, ABNORMAL))
            changed = normal.pixels != abnormal.pixels
            near = _filled([x.outline for x in abnormal.lesions], changed.shape, 10)
            assert not changed[~near].any()
            assert not changed[~normal.breast].any()
            changed_inside += changed[near].sum()
    assert changed_inside > 0


def test_the_same_settings_give_the_same_picture_and_another_seed_another_one():
    first, again = (_draw(ABNORMAL, 1, "L", "CC") for _ in range(2))
    other = _draw(ABNORMAL.model_copy(update={"seed": 2}), 1, "L", "CC")
    np.testing.assert_array_equal(first.pixels, again.pixels)
    assert (first.pixels != other.pixels).any()


def test_the_number_of_threads_changes_no_pixel():
    threads = cv2.getNumThreads()
    pictures = []
    for number in (1, 2, 5):
        cv2.setNumThreads(number)
        pictures += [_draw(ABNORMAL, index, "L", "CC").pixels for index in (0, FILM)]
    cv2.setNumThreads(threads)
    for picture, same in zip(pictures, pictures[:2] * 3, strict=True):
        np.testing.assert_array_equal(picture, same)


@pytest.mark.parametrize(("side", "wall"), [("L", 0), ("R", -1)])
@pytest.mark.parametrize("view", VIEWS)
def test_the_chest_wall_is_left_for_left_breasts_and_right_for_right_ones(side, wall, view):
    picture = _draw(NORMAL, 0, side, view)
    assert picture.breast[:, wall].sum() > 0.3 * picture.breast.shape[0]
    assert not picture.breast[:, -1 - wall].any()


def test_outlines_follow_the_mirrored_breast():
    for index in range(6):
        for side in SIDES:
            picture = _draw(ABNORMAL, index, side, "MLO")
            for lesion in picture.lesions:
                row, col = np.rint(lesion.outline.mean(axis=0)).astype(int)
                assert picture.breast[row, col]


def test_every_planned_lesion_shows_in_both_views():
    patient = plan_patient(0, ABNORMAL)
    for side in SIDES:
        planned = [lesion.kind for lesion in patient.lesions if lesion.side == side]
        for view in VIEWS:
            shown = [lesion.kind for lesion in draw_picture(patient, side, view, ABNORMAL).lesions]
            assert shown == planned


def test_pixels_are_12_bit_and_the_breast_is_brighter_than_air():
    picture = _draw(NORMAL, 0, "L", "MLO")
    assert picture.pixels.dtype == np.uint16 and picture.pixels.max() < 4096
    assert picture.pixels.shape == picture_shape(0.4) == (600, 450)
    assert np.median(picture.pixels[picture.breast]) > 10 * np.median(
        picture.pixels[~picture.breast]
    )


@pytest.mark.parametrize("index", [0, FILM])
@pytest.mark.parametrize("side", SIDES)
def test_every_picture_has_writing_in_the_air(index, side):
    picture = _draw(NORMAL, index, side, "MLO")
    corner = picture.pixels[30:70, 300:] if side == "L" else picture.pixels[30:70, :150]
    assert (corner > 2500).sum() > 50 and (corner < 1000).sum() > 50


def test_only_films_have_white_frames_and_none_touches_the_breast():
    film, digital = (_draw(NORMAL, index, "L", "MLO") for index in (FILM, 0))
    assert film.pixels[-3:].min() > 3000 and digital.pixels[-3:].max() < 1000
    frame = (film.pixels > 3000) & ~film.breast
    near = cv2.dilate(film.breast.astype(np.uint8), np.ones((21, 21), np.uint8)) > 0
    assert not (frame & near).any()


@pytest.mark.parametrize("kind", KINDS)
def test_a_lesion_adds_its_grey_values_inside_its_outline(kind):
    signal, outline = draw_lesion(
        kind, radius_mm=6, contrast=1, spacing_mm=0.2, rng=np.random.default_rng(3)
    )
    centre = signal.shape[0] // 2
    inside = _filled([outline + centre], signal.shape, 2)
    positive = np.clip(signal, 0, None)
    assert positive[inside].sum() > 0.85 * positive.sum()


def _shown(lesion, confuser):
    """Twenty drawings of a kind of lesion, and of the confuser that looks like a part of it."""
    draw = {each.__name__.removeprefix("_"): each for each, _, _ in CONFUSERS}[confuser]
    rngs = [np.random.default_rng([7, n]) for n in range(20)]
    lesions = [
        draw_lesion(lesion, radius_mm=5.5, contrast=1, spacing_mm=0.2, rng=rng)[0] for rng in rngs
    ]
    return lesions, [draw(0.2, rng)[0] for rng in rngs]


@pytest.mark.parametrize(
    ("lesion", "confuser"),
    [
        ("mass_smooth", "blob"),
        ("mass_spiculated", "strands"),
        ("microcalcifications", "coarse_calcification"),
        ("microcalcifications", "scattered_calcifications"),
    ],
)
def test_what_looks_like_a_lesion_is_as_bright_as_one(lesion, confuser):
    lesions, confusers = (np.median([x.max() for x in of]) for of in _shown(lesion, confuser))
    assert 0.6 < confusers / lesions < 1.7


def _share_of_one_direction(signal):
    """How far the edges of a drawing lie in one direction, 0 to 1: 0 for a star or a disc."""
    down, across = np.gradient(signal.astype(np.float64))
    turned = (across + 1j * down) ** 2  # opposite directions are one
    return np.abs(turned.sum()) / np.abs(turned).sum()


def test_strands_run_side_by_side_and_spicules_from_a_centre():
    spicules, strands = _shown("mass_spiculated", "strands")
    assert max(map(_share_of_one_direction, spicules)) < 0.3
    assert min(map(_share_of_one_direction, strands)) > 0.5


def test_the_contrast_is_a_factor_on_the_grey_values():
    single, double = (
        draw_lesion(
            "mass_smooth", radius_mm=5, contrast=c, spacing_mm=0.2, rng=np.random.default_rng(0)
        )
        for c in (1, 2)
    )
    np.testing.assert_allclose(double[0], 2 * single[0], rtol=1e-6)
    np.testing.assert_array_equal(double[1], single[1])


def test_a_stamp_is_centred_on_its_pixel_and_cut_at_the_edge():
    grey = np.zeros((4, 5), np.float32)
    add_stamp(grey, np.arange(9, dtype=np.float32).reshape(3, 3), 0, 4)
    expected = np.zeros((4, 5), np.float32)
    expected[0, 3:] = [3, 4]
    expected[1, 3:] = [6, 7]
    np.testing.assert_array_equal(grey, expected)


def test_a_place_is_in_the_breast_with_room_and_away_from_what_is_taken():
    rng = np.random.default_rng(0)
    anatomy = make_anatomy(make_body(0, NORMAL), "MLO", spacing_mm=0.4, rng=rng)
    taken = [(300.0, 60.0, 50.0)]
    for _ in range(20):
        row, col = choose_place(anatomy, 5, taken, rng)
        assert anatomy.skin_mm[row, col] > 5
        assert anatomy.muscle[row, col] < 0.5
        assert np.hypot(row - 300, col - 60) > 50 + 5 / 0.4
