"""Networks of keras.applications as backbones: the same features, one map, weights by name."""

import urllib.error
import warnings

import keras
import numpy as np
import pytest

from models.dense import logit_map
from models.keras_backbone import (
    APPLICATIONS,
    KerasBackbone,
    backbone_weights,
    keras_backbone,
)
from models.network import NetworkSpec, _tile_px, build_network
from models.precision import dtype_policy
from models.receptive_field import ReceptiveField
from models.saved import load_weights, save_weights, weights_of
from pipeline.config import backbones

RNG = np.random.default_rng(0)
IMAGE = RNG.random((300, 210), dtype=np.float32)


@pytest.fixture(scope="module")
def mobile():
    """Its blocks see 112 px around a cell; drawn from seed 1."""
    return build_network(NetworkSpec("MobileNet", 32), seed=1)


@pytest.fixture(scope="module")
def excited():
    """With squeeze-and-excitation in its last blocks."""
    return build_network(NetworkSpec("EfficientNetV2B0", 64), seed=1)


@pytest.fixture(scope="module")
def weights_file(tmp_path_factory):
    """MobileNet that keeps the size of its signal, with some statistics, and the file of it."""
    application = keras.applications.MobileNet(include_top=False, weights=None)
    for variable in application.weights:
        shape = tuple(variable.shape)
        if variable.name == "moving_variance":
            variable.assign(RNG.uniform(0.5, 1.5, shape))
        elif len(shape) == 4:
            fan_in = np.prod(shape[:2]) if shape[-1] == 1 else np.prod(shape[:3])
            variable.assign(RNG.normal(0, np.sqrt(2 / fan_in), shape))
    path = tmp_path_factory.mktemp("weights") / "mobile.weights.h5"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of numpy, about Keras's arrays
        application.save_weights(path)
    return application, path


@pytest.fixture(scope="module")
def pretrained(weights_file):
    return build_network(NetworkSpec("MobileNet", 32), weights=str(weights_file[1]), seed=1)


def test_features_are_those_of_the_application_and_its_preprocessing(weights_file, pretrained):
    application, _ = weights_file
    grey = IMAGE[None, :192, :160, None]
    prepared = keras.applications.mobilenet.preprocess_input(np.repeat(grey * 255, 3, axis=-1))
    last = application.get_layer("conv_pw_11_relu").output
    expected = keras.Model(application.input, last)(prepared)
    found = keras.Model(pretrained.input, pretrained.get_layer("window_rows").input)(grey)
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_tiles_with_halo_equal_the_whole_image(mobile):
    whole = logit_map(mobile, IMAGE, pitch_px=16)
    tiles = logit_map(mobile, IMAGE, pitch_px=16, tile_px=64)
    np.testing.assert_allclose(tiles, whole, atol=1e-5 * np.ptp(whole))
    assert whole.shape == (20, 15)
    assert np.ptp(whole) > 0.1
    assert mobile.tile_px == 0


def test_a_network_that_sees_everything_is_applied_to_tiles_of_one_size(excited):
    """160 x 100 px are continued to 320 x 272, that is 17 x 14 cells; a tile of 256 px has 13 x 13,
    of which the inner 7 x 7 count. The last tile begins 4 cells down, the last one across 1 cell
    to the right."""
    assert (excited.tile_px, excited.margin_cells, excited.halo_px) == (256, 3, 0)
    image = IMAGE[:160, :100]
    found = logit_map(excited, image, pitch_px=16)
    padded = np.pad(image, [(80, 80), (80, 80 + 12)], mode="reflect")
    expected = np.full((11, 8), np.nan)
    for row in (0, 4):
        for col in (0, 1):
            crop = padded[16 * row : 16 * row + 256, 16 * col : 16 * col + 256]
            inner = excited(crop[None, :, :, None]).numpy()[0, 3:-3, 3:-3]
            expected[row : row + 7, col : col + 7] = inner
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.ptp(expected))
    np.testing.assert_array_equal(logit_map(excited, image, pitch_px=16, tile_px=4096), found)


def test_an_image_smaller_than_a_tile_is_continued_to_one(excited):
    found = logit_map(excited, IMAGE[:20, :70], pitch_px=16)
    padded = np.pad(IMAGE[:20, :70], [(80, 80 + 12), (80, 80 + 10)], mode="reflect")
    padded = np.pad(padded, [(0, 256 - 192), (0, 256 - 240)], mode="reflect")
    expected = excited(padded[None, :, :, None]).numpy()[0, 3:6, 3:9]
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.ptp(expected))


def test_the_middle_of_a_cell_is_moved_into_the_middle_of_its_pixels():
    """Strided convolutions with even zeros, as ResNet's, are centred on the corner of the cell."""
    image = x = keras.Input((None, None, 3))
    for _ in range(4):
        x = keras.layers.ZeroPadding2D(1)(x)
        x = keras.layers.Conv2D(1, 3, strides=2, kernel_initializer="ones")(x)
    field = ReceptiveField(16, 0, first_px=-15, last_px=15, middle_px=0.0)
    backbone = KerasBackbone("ResNet50V2", keras.Model(image, x), field)
    assert backbone.moved_px == -8
    assert backbone.reach_px == (-7, 23)
    grey = keras.Input((None, None, 1))
    network = keras.Model(grey, backbone.features(grey))
    dark = np.zeros((1, 96, 80, 1), np.float32)
    spot = dark.copy()
    spot[0, 32:48, 16:32] = 1
    change = (network(spot).numpy() - network(dark).numpy())[0, :, :, 0]
    assert change.shape == (6, 5)
    rows, cols = np.indices(change.shape)
    assert (rows * change).sum() / change.sum() == pytest.approx(2, abs=0.1)
    assert (cols * change).sum() / change.sum() == pytest.approx(1, abs=0.1)


def test_what_unpadded_layers_lose_is_added_around_the_image():
    image = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(1, 48, strides=16)(image)
    backbone = KerasBackbone(
        "InceptionV3", keras.Model(image, x), ReceptiveField(16, -2, 0, 47, middle_px=23.5)
    )
    grey = keras.Input((None, None, 1))
    features = keras.Model(grey, backbone.features(grey))(np.zeros((1, 64, 32, 1), np.float32))
    assert features.shape == (1, 4, 2, 1)
    assert (backbone.moved_px, backbone.reach_px) == (16, (-16, 31))


def test_weights_survive_the_round_trip_under_names_of_their_own(mobile, tmp_path):
    save_weights(mobile, tmp_path / "model.safetensors")
    other = build_network(mobile.spec, seed=9)
    load_weights(other, tmp_path / "model.safetensors")
    stored = weights_of(other)
    for name, values in weights_of(mobile).items():
        np.testing.assert_array_equal(stored[name], values)
    assert {"conv1/kernel", "conv1_bn/moving_mean", "logit/bias"} <= stored.keys()


def test_every_weight_of_convnext_has_a_name():
    backbone = keras_backbone("ConvNeXtTiny").layers
    names = backbone_weights(backbone)
    assert "convnext_tiny_stage_2_block_8_layer_scale/gamma" in names
    assert len(names) == len(backbone.weights)
    assert not [name for name in names if "variable" in name]


@pytest.mark.parametrize(
    ("name", "channels", "moved_px", "reach_px"),
    [
        ("VGG16", 512, 0, (-90, 105)),
        # Behind the normalisation that the next block begins with.
        ("ResNet50V2", 1024, -8, (-121, 137)),
        ("MobileNetV3Small", 288, 0, (-144, 174)),
    ],
)
def test_families_are_cut_at_stride_16_and_know_what_their_cells_see(
    name, channels, moved_px, reach_px
):
    backbone = keras_backbone(name)
    assert backbone.layers.output.shape[-1] == channels
    assert (backbone.moved_px, backbone.reach_px) == (moved_px, reach_px)
    assert backbone.sees_everything == (name == "MobileNetV3Small")


def test_first_weights_follow_from_the_seed(mobile):
    same = keras_backbone("MobileNet", seed=1).layers
    other = keras_backbone("MobileNet", seed=2).layers
    kernel, equal, different = (
        layers.get_layer("conv_pw_5").kernel.numpy()
        for layers in (mobile.get_layer("backbone"), same, other)
    )
    np.testing.assert_array_equal(kernel, equal)
    assert not np.array_equal(kernel, different)
    assert kernel.std() == pytest.approx(np.sqrt(2 / kernel.shape[2]), rel=0.02)


def test_normalisations_are_frozen_in_a_pretrained_network_and_its_copies_only(mobile, pretrained):
    assert not mobile.is_frozen
    assert not mobile.in_policy("float32").is_frozen
    copy = pretrained.in_policy("mixed_bfloat16")
    for network in (pretrained, copy):
        assert network.is_frozen
        assert not any(layer.trainable for layer in network.normalisations)
        assert len(network.normalisations) == 23
        assert len(network.backbone_variables) == 23  # kernels


def test_frozen_normalisations_give_in_training_what_they_give_in_a_map(mobile, pretrained):
    image = IMAGE[None, :64, :64, None]
    for network, same in ((pretrained, True), (mobile, False)):
        features = keras.Model(network.input, network.get_layer("window_cols").output)
        before = weights_of(network)
        in_map, in_training = features(image), features(image, training=True)
        assert np.allclose(in_map, in_training, atol=1e-5) == same
        moved = [n for n, w in weights_of(network).items() if not np.array_equal(before[n], w)]
        assert len(moved) == (0 if same else 2 * 23)
        network.set_weights(list(before.values()))


def test_the_picture_is_not_rounded_in_mixed_precision():
    with dtype_policy("mixed_bfloat16"):
        layers = keras_backbone("MobileNet").layers
    assert layers.get_layer("conv1").compute_dtype == "float32"
    assert layers.get_layer("conv_pw_1").compute_dtype == "bfloat16"


def test_settings_know_the_same_names():
    assert set(backbones.APPLICATIONS) == set(APPLICATIONS)
    assert backbones.WEIGHT_FILES == (".h5", ".hdf5")


def test_an_unknown_name_gets_a_suggestion():
    with pytest.raises(ValueError, match=r"not 'resnet50_v2'; did you mean ResNet50V2\?"):
        build_network(NetworkSpec("resnet50_v2", 64))
    with pytest.raises(ValueError, match=r"keras\.applications; did you mean ResNet50V2"):
        backbones.known_backbone("resnet50_v2")
    with pytest.raises(ValueError, match="those are ConvNeXtTiny, "):
        backbones.known_backbone("abacus")
    assert backbones.known_backbone("ResNet50V2") == "ResNet50V2"


@pytest.mark.parametrize("name", ["none", "imagenet", "path/to/weights.h5"])
def test_settings_take_known_weights_and_files(name):
    assert backbones.known_weights(name) == name


def test_settings_refuse_other_weights():
    with pytest.raises(ValueError, match="must be none, imagenet or a Keras file of weights"):
        backbones.known_weights("imagnet")


def test_a_failed_download_says_what_to_do(monkeypatch):
    def unreachable(**options):
        try:
            raise urllib.error.URLError("no route to host")
        except urllib.error.URLError as error:
            raise Exception(f"URL fetch failure: {error.reason}")  # noqa: B904 - as Keras does

    monkeypatch.setattr(keras.applications, "MobileNet", unreachable)
    with pytest.raises(ValueError, match=r"MobileNet could not be downloaded \(URL .*no route.*"):
        keras_backbone("MobileNet", weights="imagenet")


def test_another_failure_is_not_taken_for_a_failed_download(monkeypatch):
    monkeypatch.setattr(keras.applications, "MobileNet", lambda **options: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        keras_backbone("MobileNet", weights="imagenet")


def test_files_that_hold_other_weights_or_do_not_exist_are_refused(weights_file, tmp_path):
    with pytest.raises(ValueError, match=r"that exists, not .*absent\.h5"):
        build_network(NetworkSpec("MobileNet", 32), weights=str(tmp_path / "absent.h5"))
    with pytest.raises(ValueError, match=r"must hold the weights of VGG16 without its top"):
        build_network(NetworkSpec("VGG16", 32), weights=str(weights_file[1]))
    (tmp_path / "text.h5").write_text("no weights")
    with pytest.raises(ValueError, match=r"text\.h5 must hold the weights of MobileNet"):
        build_network(NetworkSpec("MobileNet", 32), weights=str(tmp_path / "text.h5"))
    with pytest.raises(ValueError, match="files of weights are for networks of keras"):
        build_network(NetworkSpec("valid", 64), weights=str(weights_file[1]))


def test_a_patch_too_small_for_a_tile_is_refused():
    with pytest.raises(ValueError, match="at least 32 for backbone EfficientNetV2B0, not 16"):
        _tile_px(NetworkSpec("EfficientNetV2B0", 16))
