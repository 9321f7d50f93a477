"""Shapes, alignment, reach and initial values of the networks."""

import keras
import numpy as np
import pytest

from models.network import NetworkSpec, build_network
from models.precision import dtype_policy


def _noise(height, width, seed=0):
    return np.random.default_rng(seed).random((1, height, width, 1), dtype=np.float32)


def test_one_float32_logit_for_every_window(network):
    patch, stride = network.spec.patch_px, network.stride_px
    logits = network(_noise(patch + 3 * stride, patch + stride))
    assert logits.shape == (1, 4, 2)
    assert logits.dtype == "float32"


@pytest.mark.parametrize("backbone", ["valid", "efficientnet_lite0"])
def test_the_logit_stays_float32_in_mixed_precision(backbone):
    with dtype_policy("mixed_bfloat16"):
        mixed = build_network(NetworkSpec(backbone, 128))
    assert mixed.get_layer("logit").compute_dtype == "float32"
    assert mixed.get_layer("relu1" if backbone == "valid" else "block0_project").compute_dtype == (
        "bfloat16"
    )
    assert mixed(_noise(128, 128)).dtype == "float32"


def test_a_copy_in_another_precision_computes_nearly_the_same(network):
    image = _noise(128, 128)
    mixed = network.in_policy("mixed_bfloat16")
    assert mixed.dtype_policy.name == "mixed_bfloat16"
    difference = mixed(image).numpy() - network(image).numpy()
    assert 0 < np.abs(difference).max() < 0.2


def test_the_head_ends_in_one_unit_with_bias_zero(network):
    kernel, bias = network.head_variables
    assert kernel.shape[-1] == 1
    assert bias.numpy().tolist() == [0.0]
    trainable = len(network.head_variables) + len(network.backbone_variables)
    assert trainable == len(network.trainable_variables)


def test_the_core_is_the_mean_of_the_middle_of_each_window():
    spec = NetworkSpec("efficientnet_lite0", 128, core_px=64)
    network = build_network(spec, seed=0)
    features = keras.Model(network.input, network.get_layer("core").input)
    joined = keras.Model(network.input, network.get_layer("core_and_window").output)
    image = _noise(160, 176)
    cells, both = features(image).numpy(), joined(image).numpy()
    channels = cells.shape[-1]
    assert both.shape == (1, 3, 4, 2 * channels)
    for i, j in ((0, 0), (2, 3)):
        window = cells[0, i : i + 8, j : j + 8]
        core = window[2:6, 2:6].mean(axis=(0, 1))
        np.testing.assert_allclose(both[0, i, j, :channels], core, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(
            both[0, i, j, channels:], window.mean(axis=(0, 1)), rtol=1e-4, atol=1e-5
        )


def test_initial_weights_follow_from_the_seed():
    first, same, other = (build_network(NetworkSpec("valid", 64), seed=s) for s in (3, 3, 4))
    for a, b in zip(first.get_weights(), same.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(first.get_weights()[0], other.get_weights()[0])


def _change_by_cell(network, *, cell):
    """How much the window means change, by cell, when the middle of one cell's patch lights up."""
    patch, stride = network.spec.patch_px, network.stride_px
    side = patch + 2 * cell * stride
    image = np.full((1, side, side, 1), 0.5, np.float32)
    changed = image.copy()
    # As large as a cell, so that no stride steps over it.
    middle = slice((side - stride) // 2, (side + stride) // 2)
    changed[0, middle, middle] = 1
    means = keras.Model(network.input, network.get_layer("window_cols").output)
    return (np.abs(means(changed).numpy() - means(image).numpy())[0] ** 2).sum(axis=-1)


def test_a_bright_spot_moves_the_cell_whose_patch_is_centred_on_it(network):
    cell = 6 + network.halo_px // network.stride_px
    change = _change_by_cell(network, cell=cell)
    assert change.shape == (2 * cell + 1, 2 * cell + 1)
    for grid in np.indices(change.shape):
        assert (grid * change).sum() / change.sum() == pytest.approx(cell, abs=0.2)


def test_a_bright_spot_changes_the_windows_that_hold_it_and_no_others(valid):
    change = _change_by_cell(valid, cell=6)
    # Half of the patch, 32 px, is four cells of 8 px.
    assert np.flatnonzero(change.any(axis=0)).tolist() == [2, 3, 4, 5, 6, 7, 8, 9, 10]
    assert np.flatnonzero(change.any(axis=1)).tolist() == [2, 3, 4, 5, 6, 7, 8, 9, 10]


def test_a_pixel_outside_patch_and_halo_changes_nothing(network):
    patch, stride, halo = network.spec.patch_px, network.stride_px, network.halo_px
    image = _noise(2 * halo + patch + stride, 2 * halo + patch + stride)
    cell = halo // stride
    changed = np.ones_like(image)
    inner = slice(cell * stride - halo, cell * stride + patch + halo)
    changed[0, inner, inner] = image[0, inner, inner]
    before, after = (network(x).numpy()[0, cell, cell] for x in (image, changed))
    np.testing.assert_allclose(after, before, atol=1e-5)


def test_cells_inside_the_margin_hardly_feel_the_edge_of_a_crop(lite0):
    cells, first = 15, lite0.halo_px // lite0.stride_px
    side = lite0.spec.patch_px + (cells - 1) * lite0.stride_px
    tissue = _smooth(side + 2 * lite0.halo_px)
    inside = slice(lite0.halo_px, lite0.halo_px + side)
    means = keras.Model(lite0.input, lite0.get_layer("window_cols").output)
    alone = means(tissue[:, inside, inside]).numpy()[0]
    in_whole = means(tissue).numpy()[0, first : first + cells, first : first + cells]
    error = ((alone - in_whole) ** 2).sum(axis=-1)  # (cells, cells)
    kept = slice(lite0.margin_cells, -lite0.margin_cells)
    edge = np.concatenate([error[0], error[-1], error[:, 0], error[:, -1]])
    assert error[kept, kept].mean() < 0.05 * edge.mean()
    assert error[kept, kept].max() < 0.2 * edge.mean()


def _smooth(side):
    """Noise whose power falls with the third power of the frequency, (1, side, side, 1)."""
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side)[None])
    frequency[0, 0] = np.inf
    noise = np.random.default_rng(0).normal(size=(side, side))
    noise = np.fft.ifft2(np.fft.fft2(noise) * frequency**-1.5).real
    return (0.5 + 0.15 * noise / noise.std()).astype("float32")[None, :, :, None]


@pytest.mark.parametrize(
    ("spec", "weights", "message"),
    [
        (NetworkSpec("abacus", 64), "none", "must be valid, efficientnet_lite0 or a network of"),
        (NetworkSpec("valid", 64), "imagenet", "need another backbone than valid"),
        (NetworkSpec("valid", 64), "coco", "must be none or imagenet, not 'coco'"),
        (
            NetworkSpec("efficientnet_lite0", 64, core_px=48),
            "none",
            "must be one of 32 for this patch_px, not 48",
        ),
        (NetworkSpec("efficientnet_lite0", 100), "none", "must be a multiple of 16 .* not 100"),
    ],
)
def test_what_does_not_fit_is_refused(spec, weights, message):
    with pytest.raises(ValueError, match=message):
        build_network(spec, weights=weights)
