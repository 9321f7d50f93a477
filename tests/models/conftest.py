"""One network of each kind, shared by the tests of this folder; none of them changes a weight."""

import pytest

from models.network import NetworkSpec, build_network


@pytest.fixture(scope="package")
def valid():
    """The shipped valid network: 64 px patches, as in the default settings."""
    return build_network(NetworkSpec("valid", 64), seed=1)


@pytest.fixture(scope="package")
def lite0():
    """EfficientNet-Lite0 on 128 px patches with its ImageNet weights."""
    return build_network(NetworkSpec("efficientnet_lite0", 128), weights="imagenet", seed=1)


@pytest.fixture(params=["valid", "lite0"])
def network(request):
    """Both, one after the other."""
    return request.getfixturevalue(request.param)
