"""A model folder gives back the network that was written, or says what is wrong with it."""

import numpy as np
import pytest
from safetensors.numpy import save_file

from models.network import NetworkSpec, build_network
from models.saved import weights_of
from pipeline.model.card import read_card
from pipeline.model.folder import (
    HISTORY,
    WEIGHTS,
    copy_model,
    load_network,
    network_card,
    write_model,
)
from pipeline.run.checksum import file_sha256
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder
from tests.model.cards import a_card, change_card


@pytest.fixture(scope="module")
def network():
    return build_network(NetworkSpec("valid", 32, width=4), seed=1)


@pytest.fixture
def run(network, tmp_path) -> RunFolder:
    """A run with a model of that network."""
    run = RunFolder(tmp_path / "run")
    card = a_card(network=dict(network_card(network.spec)))
    assert write_model(run, network, card, history="step\n1\n") is None
    return run


def test_a_network_survives_the_round_trip(network, run):
    loaded = load_network(run.model)
    assert loaded.spec == network.spec
    stored = weights_of(loaded)
    for name, values in weights_of(network).items():
        np.testing.assert_array_equal(stored[name], values)
    assert (run.model / HISTORY).read_text() == "step\n1\n"


def test_a_former_model_is_set_aside(network, run):
    former = write_model(run, network, read_card(run.model), history="")
    assert former == run.set_aside / "model-1"
    assert (former / HISTORY).read_text() == "step\n1\n"
    assert sorted(p.name for p in run.root.iterdir()) == ["model", "set-aside"]


def test_a_copy_has_the_weights_and_another_card(run, tmp_path):
    other = RunFolder(tmp_path / "other")
    card = read_card(run.model).model_copy(update={"region_threshold": 0.7})
    assert copy_model(other, run.model, card) is None
    assert read_card(other.model).region_threshold == 0.7
    assert (other.model / WEIGHTS).read_bytes() == (run.model / WEIGHTS).read_bytes()


def test_a_network_trained_in_mixed_precision_loads_in_float32(run):
    assert load_network(run.model).get_layer("conv1").compute_dtype == "float32"
    mixed = load_network(run.model, policy="mixed_bfloat16")
    assert mixed.get_layer("conv1").compute_dtype == "bfloat16"


def test_changed_weights_are_refused(run):
    weights = run.model / WEIGHTS
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    with pytest.raises(UserError, match=r"must have sha256 .* damaged or replaced"):
        load_network(run.model)


def test_missing_weights_are_named(run):
    (run.model / WEIGHTS).unlink()
    with pytest.raises(UserError, match=rf"{WEIGHTS} is missing"):
        load_network(run.model)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"width": 8}, r"must have shape \(\.\.\., 8\), not 4"),
        ({"width": 10**6}, r"must have shape"),
        ({"members": 1000}, r"holds 1 networks, not 1000"),
        ({"core_px": 8}, "must have shape"),
    ],
)
def test_a_card_of_another_network_is_refused_before_it_is_built(run, changed, words):
    change_card(run.model, network=changed)
    with pytest.raises(UserError, match=words):
        load_network(run.model)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_no_numbers_are_told_as_such(network, run, value):
    arrays = weights_of(network)
    arrays["conv1/kernel"][0, 0, 0, 0] = value
    save_file(arrays, str(run.model / WEIGHTS))
    change_card(run.model, sha256=file_sha256(run.model / WEIGHTS))
    with pytest.raises(UserError, match=r"not finite numbers .* in conv1/kernel"):
        load_network(run.model)
