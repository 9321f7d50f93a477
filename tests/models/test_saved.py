"""A model folder gives back the network that was saved, or says what is wrong with it."""

import json

import numpy as np
import pytest

from models.network import NetworkSpec, build_network
from models.saved import assign_weights, load_network, save_weights, spec_as_dict, weights_of


@pytest.fixture
def folder(valid, tmp_path):
    """A model folder of the valid network."""
    sha256 = save_weights(valid, tmp_path / "model.safetensors")
    description = {"network": spec_as_dict(valid.spec), "sha256": sha256}
    (tmp_path / "model.json").write_text(json.dumps(description))
    return tmp_path


def test_weights_survive_the_round_trip(valid, folder):
    loaded = load_network(folder)
    assert loaded.spec == valid.spec
    stored = weights_of(loaded)
    for name, values in weights_of(valid).items():
        np.testing.assert_array_equal(stored[name], values)


def test_names_are_stable_and_leave_out_seeds(valid):
    names = weights_of(valid).keys()
    assert {"conv0/kernel", "conv0/gain", "conv0/shift", "logit/kernel", "logit/bias"} <= names
    assert not [name for name in names if "seed" in name]


def test_a_network_trained_in_mixed_precision_loads_in_float32(folder):
    assert load_network(folder).get_layer("conv1").compute_dtype == "float32"
    mixed = load_network(folder, policy="mixed_bfloat16")
    assert mixed.get_layer("conv1").compute_dtype == "bfloat16"


def test_a_changed_weight_file_is_refused(folder):
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    with pytest.raises(ValueError, match=r"must have sha256 .* damaged or replaced"):
        load_network(folder)


@pytest.mark.parametrize("name", ["model.json", "model.safetensors"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(ValueError, match=f"must hold {name}"):
        load_network(folder)


def test_an_incomplete_description_is_refused(folder):
    (folder / "model.json").write_text(json.dumps({"network": {"backbone": "valid"}}))
    with pytest.raises(ValueError, match="must have sha256 and network with backbone, core_px"):
        load_network(folder)


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


def test_weights_of_another_width_are_refused(valid):
    other = build_network(NetworkSpec("valid", 64, width=8))
    with pytest.raises(ValueError, match="must have shape"):
        assign_weights(other, weights_of(valid), source="file")
