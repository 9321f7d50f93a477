"""The same mammogram is recognised in another export, other mammograms are not."""

import cv2
import numpy as np
import pytest

from pipeline.config import ImageSettings
from pipeline.preprocess.audit import signature
from pipeline.preprocess.audit.signature import image_signature, similar_pairs
from pipeline.preprocess.store.standardise import standardise
from tests.preprocess.films import film_mammogram, read_film

SHAPE = (640, 400)


def breast_of(shape=SHAPE) -> np.ndarray:
    rows, cols = np.mgrid[: shape[0] // 8, : shape[1] // 8]
    return np.hypot((rows - shape[0] // 16) / (shape[0] / 16), cols / (shape[1] / 8)) < 0.95


def mammogram(seed: int) -> np.ndarray:
    """Blobs of all sizes in a breast of always the same shape."""
    rng = np.random.default_rng(seed)
    texture = sum(
        cv2.resize(rng.normal(size=(size, size)), SHAPE[::-1], interpolation=cv2.INTER_CUBIC)
        for size in (8, 16, 32, 64)
    )
    inside = cv2.resize(breast_of().astype(np.uint8), SHAPE[::-1]) > 0
    return (np.clip(0.5 + 0.08 * texture, 0, 1) * inside * 65535).astype(np.uint16)


def is_same(one: str, other: str) -> bool:
    return list(similar_pairs([one, other])) == [(0, 1)]


def brighter(image):
    return (65535 * (image / 65535.0) ** 0.7).astype(np.uint16)


def in_6_bits(image):
    return (image >> 10) << 10


def noisy(image):
    noise = np.random.default_rng(9).normal(0, 1000, image.shape)
    return np.where(image, np.clip(image + noise, 1, 65535), 0).astype(np.uint16)


@pytest.mark.parametrize("export", [brighter, in_6_bits, noisy])
def test_another_export_is_the_same_mammogram(export):
    image = mammogram(1)
    changed = export(image)
    assert not np.array_equal(changed, image)
    assert is_same(image_signature(image, breast_of()), image_signature(changed, breast_of()))


def test_another_scale_is_the_same_mammogram():
    image = mammogram(1)
    half = cv2.resize(image, (200, 320), interpolation=cv2.INTER_AREA)
    same = image_signature(half, breast_of(half.shape))
    assert is_same(image_signature(image, breast_of()), same)


def test_breasts_of_one_shape_are_not_the_same_mammogram():
    signatures = [image_signature(mammogram(seed), breast_of()) for seed in range(20)]
    assert list(similar_pairs(signatures)) == []


def dome(seed: int) -> np.ndarray:
    """A smooth breast with a little noise."""
    rows, cols = np.mgrid[: SHAPE[0], : SHAPE[1]]
    inward = np.clip(1 - np.hypot((rows - 320) / 320, cols / 400), 0, 1)
    noise = np.random.default_rng(seed).normal(0, 300, SHAPE)
    return np.where(inward > 0, 20_000 + 40_000 * inward + noise, 0).astype(np.uint16)


def test_smooth_breasts_are_never_taken_for_the_same():
    signatures = [image_signature(dome(seed), breast_of()) for seed in (1, 1, 2)]
    assert list(similar_pairs(signatures)) == []


@pytest.mark.parametrize("block", [2, 2048])
def test_pairs_come_in_order_and_once(monkeypatch, block):
    monkeypatch.setattr(signature, "_BLOCK", block)
    one, other = (image_signature(mammogram(seed), breast_of()) for seed in (1, 2))
    assert list(similar_pairs([one, other, one, other, one])) == [(0, 2), (0, 4), (1, 3), (2, 4)]
    assert list(similar_pairs([])) == []


def test_a_signature_of_another_length_is_refused():
    with pytest.raises(ValueError, match="must have 1152 digits, not 4"):
        list(similar_pairs(["00ff"]))


def film_signature(pixels: np.ndarray, spacing_mm: float = 0.2) -> str:
    standard = standardise(film_mammogram(pixels, spacing_mm=spacing_mm), ImageSettings())
    return image_signature(standard.image, standard.breast)


def test_real_films_are_recognised_and_the_two_breasts_of_a_woman_are_not_confused(mammo_data):
    left, right = (read_film(mammo_data, name) for name in ("mdb001", "mdb002"))
    half = cv2.resize(left, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    known = film_signature(left)
    assert is_same(known, film_signature(left**0.7))
    assert is_same(known, film_signature(half, spacing_mm=0.4))
    assert not is_same(known, film_signature(right))
