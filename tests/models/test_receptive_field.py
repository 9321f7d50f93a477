"""Receptive fields by hand, and those of the two backbones."""

import pytest

from models.efficientnet_lite0 import lite0_field
from models.frequency_bands import SIDE_PX, STRIDE_PX
from models.receptive_field import ReceptiveField, Step, receptive_field
from models.valid_network import stride_of_patch, valid_layers


def test_steps_compose():
    assert receptive_field([Step(3, 2, 1), Step(3, 1, 1)]) == ReceptiveField(7, 2, -3)


def test_lite0_sees_339_px():
    field = lite0_field()
    assert field == ReceptiveField(339, 16, 15 - 169)


@pytest.mark.parametrize(("patch_px", "stride_px"), [(32, 4), (64, 8), (100, 8), (128, 16)])
def test_the_valid_network_scales_with_its_patch(patch_px, stride_px):
    assert stride_of_patch(patch_px) == stride_px
    steps = [Step(layer.kernel, layer.stride) for layer in valid_layers(stride_px, 16)]
    field = receptive_field([Step(SIDE_PX, STRIDE_PX), *steps])
    assert field == ReceptiveField(5 * stride_px, stride_px, 0)


@pytest.mark.parametrize("patch_px", [30, 65])
def test_a_patch_that_has_no_centre_or_no_cells_is_refused(patch_px):
    with pytest.raises(ValueError, match=f"even and at least 32 .* not {patch_px}"):
        stride_of_patch(patch_px)
