"""The store: entries are whole or absent, named by what they depend on, read in part."""

import numpy as np
import pytest

from pipeline.config import DicomSettings, ImageSettings
from pipeline.preprocess.store.entries import (
    breast_at,
    damage,
    entry_files,
    entry_key,
    entry_path,
    has_entry,
    network_input,
    read_breast,
    read_image,
    write_entry,
)
from pipeline.run.errors import UserError


@pytest.fixture
def entry(tmp_path):
    image = np.random.default_rng(0).integers(0, 65536, (1100, 700), dtype=np.uint16)
    breast = np.random.default_rng(1).random((138, 88)) < 0.5
    store = entry_path(tmp_path, "ab12")
    write_entry(store, image=image, breast=breast, info={"width": 700})
    return store, image, breast


def test_an_entry_comes_back_as_it_was_written(entry):
    store, image, breast = entry
    assert read_image(store).dtype == np.uint16
    assert np.array_equal(read_image(store), image)
    assert np.array_equal(read_breast(store), breast)


def test_a_crop_over_chunk_borders_equals_the_same_crop_of_the_whole(entry):
    store, image, _ = entry
    crop = read_image(store, slice(500, 1050), slice(490, 700))
    assert np.array_equal(crop, image[500:1050, 490:700])


def test_networks_see_stored_grey_values_from_0_to_1():
    seen = network_input(np.array([0, 32768, 65535], np.uint16))
    assert seen.dtype == np.float32
    assert seen[[0, 2]].tolist() == [0, 1]
    assert seen[1] == pytest.approx(32768 / 65535, rel=1e-7)


def test_an_entry_without_its_last_file_does_not_exist(entry):
    store, _, _ = entry
    assert has_entry(store)
    entry_files(store)[2].unlink()
    assert not has_entry(store)


@pytest.mark.parametrize("harm", ["flip", "cut", "empty", "gone"])
@pytest.mark.parametrize(("part", "read"), [(0, read_image), (1, read_breast), (2, read_image)])
def test_a_damaged_entry_is_told_before_a_pixel_of_it_is_used(entry, part, read, harm):
    store, _, _ = entry
    assert damage(store) == ""
    file = entry_files(store)[part]
    content = file.read_bytes()
    # a bit of the content itself, and not of the space between the words of JSON
    flipped = content[:-4] + bytes([content[-4] ^ 1]) + content[-3:]
    if harm == "gone":
        file.unlink()
    else:
        file.write_bytes({"flip": flipped, "cut": content[:-9], "empty": b""}[harm])
    assert file.name in damage(store)
    with pytest.raises(UserError, match=rf"{file.name} is .*FORCE=1 makes it anew"):
        read(store)


def test_writing_leaves_no_temporary_files(entry):
    store, _, _ = entry
    assert sorted(p.name for p in store.parent.iterdir()) == [
        "ab12.b2nd",
        "ab12.breast.png",
        "ab12.json",
    ]


def test_the_breast_is_looked_up_by_pixel_centres_and_is_false_outside():
    breast = np.array([[True, False], [True, True]])  # pixels 0..15 by 0..15
    rows = np.array([-0.6, -0.5, 7.4, 7.4, 7.5, 15.4, 15.5])
    cols = np.array([0.0, 0.0, 7.4, 7.5, 7.5, 15.4, 15.4])
    assert breast_at(breast, rows, cols).tolist() == [
        False,
        True,
        True,
        False,
        True,
        True,
        False,
    ]


def test_rows_and_columns_of_the_lookup_broadcast_to_a_grid():
    breast = np.array([[True, False]])
    grid = breast_at(breast, np.array([[0.0], [8.0]]), np.array([[0.0, 8.0, 16.0]]))
    assert grid.tolist() == [[True, False, False], [False, False, False]]


def _key(**changes):
    values = {
        "file_sha256": "00",
        "image": ImageSettings(),
        "dicom": DicomSettings(),
        "spacing_mm": None,
        **changes,
    }
    return entry_key(values.pop("file_sha256"), **values)


@pytest.mark.parametrize(
    "change",
    [
        {"file_sha256": "01"},
        {"image": ImageSettings(spacing_mm=0.2)},
        {"image": ImageSettings(high_percentile=99)},
        {"dicom": DicomSettings(prefer_lut=False)},
        {"dicom": DicomSettings(frames="first")},
        {"dicom": DicomSettings(trust=("values",))},
        {"spacing_mm": 0.05},
    ],
)
def test_the_key_changes_with_everything_that_changes_the_pixels(change):
    assert _key(**change) != _key()


@pytest.mark.parametrize(
    "change",
    [
        {"workers": 1, "decode_seconds": 3, "max_lost_share": 1},
        {"views": "any"},
        {"modalities": ("MG", "CR")},
        {"for_processing": True},
        {"max_megapixels": 7},
    ],
)
def test_the_key_ignores_settings_that_change_no_pixel(change):
    assert _key(dicom=DicomSettings(**change)) == _key()
