"""RUN/breast: one picture per mammogram that is used, made once."""

import cv2
import numpy as np
import pandas as pd
import pytest

from pipeline.preprocess.breast.files import write_breasts
from pipeline.preprocess.store.entries import write_entry
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
    with pytest.raises(OSError, match="gone"):
        write_breasts(run, changed, workers=1)
    assert write_breasts(run, mammograms(**stores)) == 2
