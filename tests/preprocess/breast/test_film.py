"""What lies on a film: its box, white air, tape, strips of glow; its edges to the pixel."""

import numpy as np
import pytest

from pipeline.preprocess.breast.film import (
    film_box,
    film_edges,
    rows_of_tape,
    without_strips,
    without_white_air,
)


def test_the_film_box_keeps_a_breast_that_begins_gradually():
    light = np.zeros((60, 60), np.float32)
    for col in range(60):
        light[30 - col // 2 : 31 + col // 2, col] = 0.5  # the nipple points left
    assert film_box(light)[1].start <= 3


def test_the_film_box_leaves_out_a_black_frame_and_a_white_strip_inside_it():
    light = np.full((100, 90), 0.1, np.float32)
    light[:, :20] = 0
    light[:, 20:24] = 1
    light[90:] = 0
    assert film_box(light) == (slice(0, 90), slice(24, 90))


def test_black_air_beyond_the_breast_is_no_frame():
    rows, cols = np.mgrid[:250, :200]
    light = np.where(np.hypot(rows - 125, cols) < 90, 0.5, 0).astype(np.float32)
    assert film_box(light) == (slice(0, 250), slice(0, 200))


def tissue():
    """A film of 200 rows whose columns up to 80 are breast."""
    light = np.full((200, 120), 0.02, np.float32)
    light[:, :80] = np.linspace(0.9, 0.4, 80)
    core = np.zeros(light.shape, bool)
    core[:, :75] = True
    return light, core


@pytest.mark.parametrize("factor", [0.6, 1.3])
def test_tape_over_the_upper_end_is_found_whether_it_is_darker_or_brighter(factor):
    light, core = tissue()
    assert rows_of_tape(light, core) == 0
    light[:12, :100] *= factor
    assert 12 <= rows_of_tape(np.clip(light, 0, 1), core) <= 14


def test_a_thin_line_or_a_step_of_part_of_the_breast_is_no_tape():
    light, core = tissue()
    light[8] = 0
    light[:15, :20] = 1
    assert rows_of_tape(light, core) == 0


def test_white_air_around_the_breast_becomes_black():
    rows, cols = np.mgrid[:200, :160]
    breast = np.hypot(rows - 100, cols) < 80
    light = np.where(breast, 0.5, 1.0)
    dark = without_white_air(light, spacing_mm=1.0)
    assert dark[~breast].max() == 0.5 and dark[0, 0] == 0.5  # the minimum
    light[100, 10] = 0.0
    dark = without_white_air(light, spacing_mm=1.0)
    assert dark[~breast].max() == 0 and dark[100, 40] == 0.5


def test_a_thin_white_frame_and_a_white_muscle_are_not_white_air():
    framed = np.full((200, 160), 0.2)
    framed[[0, 1, -2, -1]] = 1
    framed[:, [0, 1, -2, -1]] = 1
    assert np.array_equal(without_white_air(framed, spacing_mm=1.0), framed)
    muscle = np.full((200, 160), 0.2)
    muscle[np.add(*np.mgrid[:200, :160]) < 120] = 1
    assert np.array_equal(without_white_air(muscle, spacing_mm=1.0), muscle)


def test_a_strip_of_glow_is_cut_and_a_corner_is_not():
    mask = np.zeros((100, 60), bool)
    mask[:, :8] = True  # glow along the whole film edge
    mask[30:70, :50] = True
    cut = without_strips(mask, spacing_mm=1.0)
    assert np.flatnonzero(cut.any(axis=1)).tolist() == list(range(30, 70))
    wedge = np.tri(60, 60, dtype=bool)
    assert np.array_equal(without_strips(wedge, spacing_mm=1.0), wedge)


def test_a_short_strip_of_glow_is_cut_too():
    mask = np.zeros((100, 60), bool)
    mask[21:80, :8] = True
    mask[30:70, :50] = True
    cut = without_strips(mask, spacing_mm=1.0)
    assert np.flatnonzero(cut.any(axis=1)).tolist() == list(range(30, 70))


def scanned(*, before=37, after=51, top=5):
    """A film of 0.6 at the chest wall inside black margins, and its mask at a quarter."""
    pixels = np.zeros((400, 400), np.float32)
    pixels[top:, before : 400 - after] = np.linspace(0.6, 0.1, 400 - before - after)
    pixels[:, before - 1] = pixels[:, before] / 5  # the edge is not quite sharp
    small = np.zeros((100, 100), bool)
    small[2:80, before // 4 : 60] = True
    return pixels, small, (slice(1, 100), slice(before // 4, -(-(400 - after) // 4)))


@pytest.mark.parametrize("before", [36, 37, 38, 39])
def test_the_edge_at_the_chest_wall_is_found_to_the_pixel(before):
    pixels, small, film = scanned(before=before)
    assert film_edges(pixels, small, film)[1].start == before


def test_an_edge_that_the_breast_does_not_reach_stays_as_it_was():
    pixels, small, film = scanned()
    rows, cols = film_edges(pixels, small, film)
    assert (rows.start, rows.stop) == (4, 400)
    assert cols.stop == 4 * film[1].stop


def test_it_is_the_same_from_the_other_side():
    pixels, small, film = scanned(before=38)
    mirrored = film[0], slice(100 - film[1].stop, 100 - film[1].start)
    assert film_edges(pixels[:, ::-1], small[:, ::-1], mirrored)[1].stop == 400 - 38


def test_an_image_without_a_frame_keeps_all_its_lines():
    pixels = np.full((400, 400), 0.5, np.float32)
    whole = slice(0, 100), slice(0, 100)
    assert film_edges(pixels, np.ones((100, 100), bool), whole) == (slice(0, 400), slice(0, 400))


def test_a_narrow_black_margin_that_the_small_image_did_not_show_is_left_out():
    pixels = np.full((400, 400), 0.5, np.float32)
    pixels[:, :2] = 0
    whole = slice(0, 100), slice(0, 100)
    assert film_edges(pixels, np.ones((100, 100), bool), whole)[1] == slice(2, 400)
