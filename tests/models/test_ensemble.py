"""Several networks as one."""

import numpy as np
import pytest

from models.dense import logit_map, logit_map_with_spread
from models.network import NetworkSpec, build_network, ensemble_of
from models.saved import assign_weights, load_weights, save_weights, weights_of

SINGLE = NetworkSpec("valid", 32, width=4, dropout=0.0)
IMAGE = np.random.default_rng(5).random((90, 70), np.float32)


@pytest.fixture(scope="module")
def members():
    return [build_network(SINGLE, seed=seed) for seed in (1, 2)]


@pytest.fixture(scope="module")
def ensemble(members):
    return ensemble_of(members, [2.0, 4.0])


def test_its_map_is_the_mean_of_the_members_maps_over_their_temperatures(members, ensemble):
    first, second = (logit_map(m, IMAGE, pitch_px=8, flips=2) for m in members)
    whole = logit_map(ensemble, IMAGE, pitch_px=8, flips=2)
    np.testing.assert_allclose(whole, (first / 2 + second / 4) / 2, atol=1e-5)
    assert np.abs(first - second).max() > 0.01


def test_the_spread_is_over_all_copies_of_all_members(members, ensemble):
    first, second = (logit_map(m, IMAGE, pitch_px=8) for m in members)
    mean, spread = logit_map_with_spread(ensemble, IMAGE, pitch_px=8)
    np.testing.assert_allclose(mean, logit_map(ensemble, IMAGE, pitch_px=8), atol=1e-5)
    np.testing.assert_allclose(spread, np.abs(first / 2 - second / 4) / 2, atol=1e-5)
    _, of_flips = logit_map_with_spread(members[0], IMAGE, pitch_px=8, flips=2)
    assert of_flips.max() > 0
    assert logit_map_with_spread(members[0], IMAGE, pitch_px=8)[1] is None


def test_it_survives_its_file(tmp_path, ensemble):
    save_weights(ensemble, tmp_path / "w.safetensors")
    again = build_network(ensemble.spec, seed=0)
    load_weights(again, tmp_path / "w.safetensors")
    assert set(weights_of(again)) >= {"member1/logit/kernel", "members/temperatures"}
    np.testing.assert_array_equal(
        logit_map(again, IMAGE, pitch_px=8), logit_map(ensemble, IMAGE, pitch_px=8)
    )


def test_members_of_different_shapes_are_refused(members):
    wider = build_network(NetworkSpec("valid", 32, width=8, dropout=0.0))
    with pytest.raises(ValueError, match="must be one network of several seeds"):
        ensemble_of([*members, wider], [1.0] * 3)


def test_weights_of_another_number_of_members_are_refused(members, ensemble):
    three = ensemble_of([*members, members[0]], [1.0] * 3)
    with pytest.raises(ValueError, match=r"does not fit the network.*unknown member3/"):
        assign_weights(ensemble, weights_of(three), source="three members")
