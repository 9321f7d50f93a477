"""The breast as a picture in original pixels: in its place, smooth, mirrored back, in the box."""

import numpy as np
import pytest

from pipeline.annotations.geometry import Geometry
from pipeline.preprocess.breast.picture import original_breast


def geometry(**changes):
    """A box of 160 x 120 original pixels at (20, 30), enlarged eight times."""
    values = {
        "original_height": 200,
        "original_width": 260,
        "height": 1280,
        "width": 960,
        "row0": 20,
        "col0": 30,
        "row_scale": 0.125,
        "col_scale": 0.125,
        "flipped": False,
        "spacing_mm": 0.1,
    }
    return Geometry(**(values | changes))


def cells(geometry, inside):
    """The breast of the store: `inside` asked at the centres of the cells in original pixels."""
    rows = np.arange(-(-geometry.height // 8)) * 8 + 3.5
    cols = np.arange(-(-geometry.width // 8)) * 8 + 3.5
    return inside(*geometry.to_original(rows[:, None], cols[None]))


def overlap(one, other):
    return (one & other).sum() / (one | other).sum()


def in_ellipse(rows, cols):
    return np.hypot((rows - 100) / 60, (cols - 80) / 40) < 1


@pytest.mark.parametrize("flipped", [False, True])
def test_a_shape_comes_back_where_it_was(flipped):
    where = geometry(flipped=flipped)
    picture = original_breast(cells(where, in_ellipse), where)
    truth = in_ellipse(*np.mgrid[:200, :260])
    assert picture.shape == (200, 260) and picture.dtype == np.uint8
    assert set(np.unique(picture)) == {0, 255}
    assert overlap(picture > 0, truth) > 0.985
    rows, cols = np.nonzero(picture)
    assert rows.mean() == pytest.approx(100, abs=0.2)
    assert cols.mean() == pytest.approx(80, abs=0.2)


def test_the_picture_agrees_with_the_cells_at_their_centres():
    where = geometry()
    breast = cells(where, in_ellipse)
    rows, cols = where.to_original(
        np.arange(160)[:, None] * 8 + 3.5, np.arange(120)[None] * 8 + 3.5
    )
    seen = original_breast(breast, where)[np.round(rows).astype(int), np.round(cols).astype(int)]
    assert np.mean((seen > 0) != breast) < 0.01


def test_the_outline_has_no_steps_of_a_cell():
    where = geometry(
        height=320,
        width=240,
        row_scale=4.0,
        col_scale=4.0,
        row0=0,
        col0=0,
        original_height=1280,
        original_width=960,
    )
    slope = 0.37

    def below(rows, cols):
        return rows > 300 + slope * cols

    edge = np.argmax(original_breast(cells(where, below), where) > 0, axis=0)[100:-100]
    expected = 300 + slope * np.arange(960)[100:-100]
    assert np.abs(edge - expected).max() < 0.55 * 32  # a cell has 32 original pixels
    assert np.abs(np.diff(edge)).max() <= 2


def test_a_breast_at_the_edge_of_the_box_ends_exactly_there():
    where = geometry()
    picture = original_breast(np.ones((160, 120), bool), where) > 0
    assert np.flatnonzero(picture.any(axis=1))[[0, -1]].tolist() == [20, 179]
    assert np.flatnonzero(picture.any(axis=0))[[0, -1]].tolist() == [30, 149]
    assert picture[20:180, 30:150].all()


def test_a_size_that_is_no_multiple_of_a_cell_has_a_cut_last_cell():
    where = geometry(height=1276, width=954, row_scale=160 / 1276, col_scale=120 / 954)
    picture = original_breast(cells(where, in_ellipse), where)
    assert overlap(picture > 0, in_ellipse(*np.mgrid[:200, :260])) > 0.985


def test_cells_of_another_image_are_an_error():
    with pytest.raises(ValueError, match="160 x 120 cells for an image of 1280 x 960"):
        original_breast(np.ones((120, 160), bool), geometry())
