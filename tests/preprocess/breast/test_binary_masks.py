"""Operations on masks: openings, the main part, the part of a core, distances."""

import numpy as np
import pytest

from pipeline.preprocess.breast.binary_masks import (
    depth_px,
    dilated,
    main_part,
    opened,
    part_of,
    parts,
    thickness_px,
)


def test_opening_removes_thin_things_and_keeps_what_goes_on_over_the_left_edge():
    mask = np.zeros((40, 40), bool)
    mask[10:30, :4] = True  # half of a shape that goes on beyond the chest wall
    mask[10:30, 20:24] = True  # as thin, but all there is
    cut = opened(mask, 3)
    assert cut[20, 0] and not cut[:, 20:].any()


def test_the_main_part_is_the_bulkiest_and_not_the_largest():
    mask = np.zeros((30, 100), bool)
    mask[:3] = True
    mask[10:24, :14] = True
    assert main_part(mask)[15, 5] and not main_part(mask)[0, 0]
    assert not main_part(np.zeros((5, 5), bool)).any()


def test_the_part_of_a_core_is_the_one_that_shares_most_with_it():
    mask = np.array([[1, 1, 0, 1], [1, 1, 0, 1]], bool)
    core = np.array([[1, 0, 0, 0], [1, 0, 0, 1]], bool)
    assert part_of(mask, core)[:, 3].tolist() == [False, False]
    assert part_of(mask, core)[:, :2].all()


def test_depth_is_the_distance_to_the_nearest_pixel_outside():
    mask = np.ones((5, 7), bool)
    mask[2, 0] = False
    assert depth_px(mask)[2].tolist() == pytest.approx([0, 1, 2, 3, 4, 5, 6])
    assert depth_px(mask)[4, 2] == pytest.approx(8**0.5)


def test_dilation_is_round_and_nothing_grows_from_nothing():
    mask = np.zeros((9, 9), bool)
    assert not dilated(mask, 3).any()
    mask[4, 4] = True
    assert dilated(mask, 2).sum() == 13
    assert not dilated(mask, 2)[2, 2]


@pytest.mark.parametrize("radius_px", [0.4, 1, 2**0.5, 3.75, 5, 10, 15.9, 25])
def test_a_dilation_holds_what_is_no_further_away_whatever_its_size(radius_px):
    mask = np.random.default_rng(0).random((60, 70)) > 0.995
    np.testing.assert_array_equal(dilated(mask, radius_px), depth_px(~mask) <= radius_px)


def test_parts_are_numbered_by_their_first_pixel_and_corners_do_not_join_them():
    labels, count = parts(np.array([[0, 1, 0], [1, 0, 1], [1, 1, 1]], bool))
    assert (labels.tolist(), count) == ([[0, 1, 0], [2, 0, 2], [2, 2, 2]], 2)


def test_thickness_is_the_radius_of_the_largest_circle_also_at_the_border():
    mask = np.zeros((20, 40), bool)
    mask[:6] = True
    assert thickness_px(mask) == pytest.approx(3)
