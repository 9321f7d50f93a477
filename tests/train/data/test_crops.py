"""Which crop belongs to which index, and its pixels."""

import numpy as np
import pytest

from pipeline.model.crop_shape import CropShape, fitting_shape
from pipeline.preprocess.store.entries import write_entry
from pipeline.preprocess.window import read_window
from pipeline.run.errors import UserError
from pipeline.train.data.corpus import Corpus, Positions
from pipeline.train.data.crops import place_crop, window_start

SHAPE = CropShape(cells=17, patch_px=32, stride_px=4, margin_cells=2)


def lesion(images, rows, cols):
    return Positions(np.array(images, np.int64), np.array(rows), np.array(cols))


def corpus_of(lesions, **groups):
    return Corpus(
        **groups,
        images=[None, None, None],
        lesions=lesions,
        negatives=lesion([1, 2], [500.0, 900.0], [500.0, 900.0]),
        mined=lesion([], [], []),
    )


SMALL = lesion([0], [100.0], [200.0])
LARGE = lesion([1] * 99, np.arange(1000, 1099.0), np.full(99, 300.0))


def place(index, *, seed=0, share=0.5, zoom=1.0, lesions=(SMALL, LARGE)):
    return place_crop(corpus_of(lesions), SHAPE, index, seed=seed, positive_share=share, zoom=zoom)


def test_the_shape_is_the_nearest_that_the_network_covers_exactly():
    shape = fitting_shape(51.2, spacing_mm=0.1, patch_px=128, stride_px=16, margin_cells=3)
    assert (shape.size_px, shape.cells) == (512, 25)
    assert shape.centres[0] == 63.5
    assert shape.centres[-1] == 512 - 64.5


def test_a_crop_without_a_trained_logit_is_refused():
    with pytest.raises(UserError, match=r"train.crop_mm must be at least 22.4 .*, not 15"):
        fitting_shape(15, spacing_mm=0.1, patch_px=128, stride_px=16, margin_cells=3)


def test_a_network_meant_for_one_size_takes_no_other_crop():
    options = {"spacing_mm": 0.1, "patch_px": 128, "stride_px": 16, "margin_cells": 3}
    assert fitting_shape(51.2, **options, tile_px=512).size_px == 512
    with pytest.raises(UserError, match=r"train.crop_mm must be 51.2 .* not 40: each logit"):
        fitting_shape(40, **options, tile_px=512)


def test_a_placement_depends_on_seed_and_index_only():
    assert place(7) == place(7)
    assert place(7) != place(8)
    assert place(7) != place(7, seed=1)


def test_the_share_of_positive_crops_is_as_asked():
    near_lesion = [
        min(abs(place(i, share=0.25).row - r) for r in (500.0, 900.0)) > 20 for i in range(400)
    ]
    assert np.mean(near_lesion) == pytest.approx(0.25, abs=0.06)


def test_lesions_are_chosen_alike_whatever_their_area():
    images = [place(i, share=0.999).image for i in range(400)]
    assert np.mean(np.array(images) == 0) == pytest.approx(0.5, abs=0.08)


def test_groups_are_chosen_alike_whatever_their_number():
    three = [SMALL, LARGE, lesion([2], [5.0], [5.0])]
    corpus = corpus_of(
        three,
        lesion_groups=[np.array([0, 2]), np.array([1])],
        negative_groups=[np.array([1])],
    )
    places = [
        place_crop(corpus, SHAPE, i, seed=0, positive_share=0.5, zoom=1.0) for i in range(1200)
    ]
    # Half of the crops are negative, all of them from position 1, in image 2, at 900.
    negative = np.array([p.image == 2 and p.row > 800 for p in places])
    assert np.mean(negative) == pytest.approx(0.5, abs=0.06)
    images = np.array([p.image for p in places])[~negative]
    shares = [np.mean(images == image) for image in range(3)]
    assert shares == pytest.approx([0.25, 0.5, 0.25], abs=0.06)


@pytest.mark.parametrize("zoom", [1.0, 1.1])
def test_the_position_lies_in_the_trained_part_however_the_crop_is_turned(zoom):
    offsets = np.array(
        [
            (p.row - 100.0, p.col - 200.0)
            for p in (place(i, share=0.999, zoom=zoom, lesions=(SMALL,)) for i in range(500))
            if p.image == 0
        ]
    )
    distance = np.hypot(*offsets.T) * zoom
    assert distance.max() <= SHAPE.reach_px
    # Anywhere: near the middle, and near the edge.
    assert distance.min() < 0.2 * SHAPE.reach_px
    assert distance.max() > 0.95 * SHAPE.reach_px


def test_a_window_is_centred_on_the_point():
    assert window_start(49.5, 100) == 0
    assert window_start(50.0, 101) == 0


@pytest.fixture(scope="module")
def entry(tmp_path_factory):
    store = tmp_path_factory.mktemp("store") / "one"
    image = np.arange(30 * 20, dtype=np.uint16).reshape(30, 20) * 100
    write_entry(store, image=image, breast=np.ones((4, 3), bool), info={})
    return store, image


@pytest.mark.parametrize(("row0", "col0"), [(3, 4), (-5, -7), (25, 15), (-40, 35)])
def test_a_window_continues_the_image_by_reflection(entry, row0, col0):
    store, image = entry
    padded = np.pad(image, 60, mode="reflect")
    window = read_window(store, row0, col0, 12, 9, image=(30, 20))
    expected = padded[60 + row0 :, 60 + col0 :][:12, :9]
    assert window.dtype == np.uint16
    np.testing.assert_array_equal(window, expected)


def test_a_window_may_be_larger_than_the_image(entry):
    store, image = entry
    window = read_window(store, -10, -10, 50, 50, image=(30, 20))
    expected = np.pad(image, 60, mode="reflect")[50:100, 50:100]
    np.testing.assert_array_equal(window, expected)
