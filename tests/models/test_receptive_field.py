"""Receptive fields by hand, and those of the two backbones."""

import pytest

from models.efficientnet_lite0 import lite0_field
from models.receptive_field import ReceptiveField, joined
from models.valid_network import stride_of_patch, valid_field, valid_layers

IMAGE = ReceptiveField()


def test_windows_compose():
    field = IMAGE.window(3, 2, before=1).window(3, before=1)
    assert (field.size_px, field.stride_px, field.first_px) == (7, 2, -3)


def test_even_padding_keeps_the_middle_on_the_first_pixel_of_a_cell():
    # As the stem of ResNet: 224 px, padded to 230, give 112 cells; then 114 give 56.
    field = IMAGE.window(7, 2, before=3, after=3).window(3, 2, before=1, after=1, learned=False)
    assert field == ReceptiveField(4, 0, first_px=-5, last_px=5, middle_px=0.0)


def test_a_row_more_after_the_map_moves_the_middle_by_half_of_it():
    # Pixels 0, 1 and 2; two pixels to a cell.
    expected = ReceptiveField(2, 0, first_px=0, last_px=2, middle_px=0.5)
    assert IMAGE.same(3, 2) == IMAGE.window(1, after=1).window(3, 2) == expected


def test_a_window_without_kernel_does_not_lean():
    assert IMAGE.same(3, 2, learned=False).middle_px == 1.0


def test_without_padding_cells_get_lost():
    field = IMAGE.window(3, 2).window(5)
    assert field == ReceptiveField(2, -5, first_px=0, last_px=10, middle_px=5.0)


def test_a_sum_sees_what_its_parts_see():
    wide = IMAGE.same(9)
    assert joined([IMAGE, wide]) == wide


def test_parts_of_different_sizes_are_refused():
    with pytest.raises(ValueError, match="only maps of one size can be joined"):
        joined([IMAGE, IMAGE.window(3)])


def test_lite0_sees_339_px():
    field = lite0_field()
    assert (field.size_px, field.stride_px, field.first_px) == (339, 16, 15 - 169)
    assert (field.extra, field.middle_px) == (0, 7.5)


@pytest.mark.parametrize(("patch_px", "stride_px"), [(32, 4), (64, 8), (100, 8), (128, 16)])
def test_the_valid_network_scales_with_its_patch(patch_px, stride_px):
    assert stride_of_patch(patch_px) == stride_px
    field = valid_field(valid_layers(stride_px, 16))
    assert (field.size_px, field.stride_px, field.first_px) == (5 * stride_px, stride_px, 0)


@pytest.mark.parametrize("patch_px", [30, 65])
def test_a_patch_that_has_no_centre_or_no_cells_is_refused(patch_px):
    with pytest.raises(ValueError, match=f"even and at least 32 .* not {patch_px}"):
        stride_of_patch(patch_px)
