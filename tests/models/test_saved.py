"""A file gives back the weights that were saved, or says what is wrong with it."""

import numpy as np
import pytest

from models.network import NetworkSpec, build_network
from models.saved import assign_weights, load_weights, save_weights, weights_of


def test_weights_survive_the_round_trip(valid, tmp_path):
    save_weights(valid, tmp_path / "w.safetensors")
    other = build_network(valid.spec, seed=9)
    load_weights(other, tmp_path / "w.safetensors")
    stored = weights_of(other)
    for name, values in weights_of(valid).items():
        np.testing.assert_array_equal(stored[name], values)


def test_a_damaged_file_is_refused(valid, tmp_path):
    (tmp_path / "w.safetensors").write_bytes(b"damaged")
    with pytest.raises(ValueError, match="must be a whole safetensors file"):
        load_weights(valid, tmp_path / "w.safetensors")


def test_names_are_stable_and_leave_out_seeds(valid):
    names = weights_of(valid).keys()
    assert {"conv0/kernel", "conv0/gain", "conv0/shift", "logit/kernel", "logit/bias"} <= names
    assert not [name for name in names if "seed" in name]


def test_a_missing_and_an_unknown_tensor_are_both_named(valid):
    stored = weights_of(valid)
    stored["conv0/kern"] = stored.pop("conv0/kernel")
    with pytest.raises(ValueError, match=r"missing conv0/kernel; unknown conv0/kern$"):
        assign_weights(valid, stored, source="file")


def test_a_wrong_shape_names_both_shapes_and_changes_nothing(valid):
    before = valid.get_weights()
    stored = {name: values + 1 for name, values in weights_of(valid).items()}
    stored["logit/bias"] = np.zeros(2, "float32")
    with pytest.raises(ValueError, match=r"logit/bias must have shape \(1,\), not \(2,\)"):
        assign_weights(valid, stored, source="file")
    for old, now in zip(before, valid.get_weights(), strict=True):
        np.testing.assert_array_equal(old, now)


def test_the_one_channel_of_a_depthwise_kernel_may_lie_in_another_axis(valid):
    stored = weights_of(valid)
    kernel = stored["logit/kernel"]  # (1, 1, channels, 1)
    assign_weights(valid, {**stored, "logit/kernel": np.swapaxes(kernel, 2, 3)}, source="file")
    np.testing.assert_array_equal(weights_of(valid)["logit/kernel"], kernel)


def test_weights_of_another_width_are_refused(valid):
    other = build_network(NetworkSpec("valid", 64, width=8))
    with pytest.raises(ValueError, match="must have shape"):
        assign_weights(other, weights_of(valid), source="file")
