"""Pictures inside the page."""

import base64

import cv2
import numpy as np
import pytest

from pipeline.pages.embedded import SIZES, picture_address, plot_address


def decoded(address: str) -> np.ndarray:
    content = base64.b64decode(address.split(",", 1)[1])
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)


@pytest.fixture
def noisy(tmp_path):
    """A picture that compresses badly, 1000 x 1600."""
    path = tmp_path / "noise.png"
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 256, (1000, 1600, 3), np.uint8))
    return path


def test_a_picture_is_as_fine_as_its_budget_allows(noisy):
    fine = picture_address(noisy, budget_bytes=10_000_000)
    small = picture_address(noisy, budget_bytes=300_000)
    assert decoded(fine).shape == (1000, 1600, 3)
    assert len(small) < 400_100 and decoded(small).shape[1] < 1600


def test_a_budget_that_is_too_small_gives_the_coarsest_picture(noisy):
    assert decoded(picture_address(noisy, budget_bytes=1)).shape[1] == SIZES[-1][0]


def test_a_plot_is_embedded_as_it_is(noisy):
    address = plot_address(noisy)
    assert address.startswith("data:image/svg+xml;base64,")
    assert base64.b64decode(address.split(",", 1)[1]) == noisy.read_bytes()


def test_a_damaged_picture_is_named(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"no picture")
    with pytest.raises(OSError, match=r"a\.png is damaged"):
        picture_address(path, budget_bytes=1)
