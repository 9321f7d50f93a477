"""RUN/breast: one mask per mammogram that is used, made once, in original pixels."""

import cv2
import numpy as np
import pandas as pd
import pytest

from pipeline.annotations.geometry import Geometry
from pipeline.preprocess.breast.original_masks import original_breast, write_breasts
from pipeline.preprocess.store.entries import write_entry
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder

GEOMETRY = {
    "original_height": 60,
    "original_width": 50,
    "height": 40,
    "width": 24,
    "row0": 10,
    "col0": 20,
    "row_scale": 1.0,
    "col_scale": 1.0,
    "flipped": False,
    "spacing_mm": 0.8,
}


def entry(root, name, cells):
    store = root / "store" / name
    write_entry(store, image=np.zeros((40, 24), np.uint16), breast=cells, info={})
    return str(store)


def mammograms(**stores):
    return pd.DataFrame([{"image_id": i, "store": s, **GEOMETRY} for i, s in stores.items()])


@pytest.fixture
def run(tmp_path):
    return RunFolder(tmp_path / "run")


FULL = np.ones((5, 3), bool)


def test_a_picture_has_the_size_of_the_original_and_two_values(run, tmp_path):
    assert write_breasts(run, mammograms(a=entry(tmp_path, "1", FULL))) == 1
    picture = cv2.imread(str(run.breast("a")), cv2.IMREAD_UNCHANGED)
    expected = np.zeros((60, 50), np.uint8)
    expected[10:50, 20:44] = 255
    assert np.array_equal(picture, expected)


def test_pictures_are_written_once(run, tmp_path):
    table = mammograms(a=entry(tmp_path, "1", FULL), b=entry(tmp_path, "2", FULL))
    assert write_breasts(run, table) == 2
    before = run.breast("a").stat().st_mtime_ns
    assert write_breasts(run, table) == 0
    assert run.breast("a").stat().st_mtime_ns == before


def test_only_a_picture_of_another_entry_or_a_missing_one_is_written_anew(run, tmp_path):
    stores = {name: entry(tmp_path, name, FULL) for name in "abc"}
    write_breasts(run, mammograms(**stores))
    half = FULL.copy()
    half[:, 1:] = False
    run.breast("b").unlink()
    assert write_breasts(run, mammograms(**stores | {"a": entry(tmp_path, "new", half)})) == 2
    assert (cv2.imread(str(run.breast("a")), 0) > 0).sum() < 40 * 24
    # And back again, to an entry that is older than the picture.
    assert write_breasts(run, mammograms(**stores)) == 1
    assert (cv2.imread(str(run.breast("a")), 0) > 0).sum() == 40 * 24


def test_pictures_of_images_that_are_no_longer_used_go(run, tmp_path):
    stores = {name: entry(tmp_path, name, FULL) for name in "ab"}
    write_breasts(run, mammograms(**stores))
    write_breasts(run, mammograms(b=stores["b"]))
    assert [path.name for path in run.breast("b").parent.glob("*.png")] == ["b.png"]


def test_pictures_that_a_crash_left_half_done_are_written_again(run, tmp_path, monkeypatch):
    stores = {name: entry(tmp_path, name, FULL) for name in "ab"}
    write_breasts(run, mammograms(**stores))
    half = FULL.copy()
    half[:2] = False
    changed = mammograms(a=entry(tmp_path, "new", half), b=str(tmp_path / "gone"))
    with pytest.raises(UserError, match="gone"):
        write_breasts(run, changed, workers=1)
    assert write_breasts(run, mammograms(**stores)) == 2


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
