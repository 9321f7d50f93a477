"""The edges of the film to the pixel of the original image."""

import numpy as np
import pytest

from pipeline.preprocess.breast.film_edges import film_edges


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
