"""The standard form: orientation, crop, spacing, grey scale, and coordinates that hold."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.config import ImageSettings
from pipeline.preprocess.reader import Mammogram, Unusable
from pipeline.preprocess.standardise import standardise
from pipeline.preprocess.store import breast_at

HEIGHT, WIDTH = 600, 460


def mammogram(*, spacing_mm=0.4, mirrored=False, **changes):
    """A half ellipse on the left edge, with a label outside and a dot at (300, 100)."""
    rows, cols = np.mgrid[:HEIGHT, :WIDTH]
    inward = 1 - np.hypot((rows - 300) / 200, cols / 260)
    pixels = np.where(inward > 0, 0.25 + 0.5 * inward, 0.05)
    pixels[40:80, 380:440] = 1.0
    pixels[298:303, 98:103] = 0.95
    pixels = pixels.astype(np.float32)
    values = {
        "pixels": pixels[:, ::-1].copy() if mirrored else pixels,
        "valid": None,
        "spacing_mm": spacing_mm,
        "spacing_source": "test",
        "laterality": "",
        "view": "",
        "window": "none",
        "polarity": "MONOCHROME2",
        "scanner": "",
        "codec": "uncompressed",
        "pixel_sha256": "0",
        "notes": [],
    }
    return Mammogram(**(values | changes))


def brightest(image):
    rows, cols = np.nonzero(image > 0.85 * image.max())
    return rows.mean(), cols.mean()


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("target_mm", [0.2, 0.4, 0.55, 0.8])
def test_a_mark_is_found_where_the_geometry_says(mirrored, target_mm):
    settings = ImageSettings(spacing_mm=target_mm, high_percentile=100)
    standard = standardise(mammogram(mirrored=mirrored), settings)
    expected_col = WIDTH - 1 - 100 if mirrored else 100
    row, col = standard.geometry.to_original(*brightest(standard.image))
    assert abs(row - 300) < 1.0
    assert abs(col - expected_col) < 1.0
    assert standard.geometry.flipped is mirrored


def test_the_chest_wall_comes_to_lie_on_the_left_whichever_side_it_was_on():
    one = standardise(mammogram(), ImageSettings(spacing_mm=0.4))
    other = standardise(mammogram(mirrored=True), ImageSettings(spacing_mm=0.4))
    assert one.breast[:, 0].sum() > 10 * one.breast[:, -1].sum()
    assert one.image.shape == other.image.shape
    assert np.mean(one.image != other.image) < 0.01


def test_the_image_is_cropped_to_the_breast_with_a_margin_inside_the_image():
    geometry = standardise(mammogram(), ImageSettings(spacing_mm=0.4)).geometry
    margin_px = 5.0 / 0.4
    assert geometry.row0 == pytest.approx(100 - margin_px, abs=5)
    assert geometry.row0 + geometry.height == pytest.approx(500 + margin_px, abs=5)
    assert geometry.col0 == 0
    assert geometry.width == pytest.approx(260 + margin_px, abs=5)


def test_scales_are_exactly_box_over_size():
    geometry = standardise(mammogram(), ImageSettings(spacing_mm=0.55)).geometry
    assert (geometry.height * geometry.row_scale) % 1 == pytest.approx(0, abs=1e-9)
    assert geometry.row_scale == pytest.approx(0.55 / 0.4, rel=0.01)


def test_black_and_white_are_percentiles_inside_the_breast():
    settings = ImageSettings(spacing_mm=0.4, low_percentile=10, high_percentile=90)
    standard = standardise(mammogram(), settings)
    inside = standard.image[
        np.kron(standard.breast, np.ones((8, 8), bool))[
            : standard.image.shape[0], : standard.image.shape[1]
        ]
    ]
    assert standard.image.dtype == np.uint16
    assert np.mean(inside == 0) == pytest.approx(0.1, abs=0.02)
    assert np.mean(inside == 65535) == pytest.approx(0.1, abs=0.02)


def test_nothing_outside_the_skin_remains():
    standard = standardise(mammogram(), ImageSettings(spacing_mm=0.4))
    rows, cols = np.mgrid[: standard.image.shape[0], : standard.image.shape[1]]
    original = standard.geometry.to_original(rows, cols)
    far = np.hypot((original[0] - 300) / 212, original[1] / 272) > 1  # 12 px: 4.8 mm
    assert standard.image[far].max() == 0


def test_padding_does_not_enter_the_percentiles():
    plain = mammogram()
    padded = plain.pixels.copy()
    valid = np.ones(padded.shape, bool)
    valid[:, 400:] = False
    padded[:, 400:] = 1.0
    one = standardise(replace(plain, valid=valid), ImageSettings(spacing_mm=0.4))
    other = standardise(replace(plain, pixels=padded, valid=valid), ImageSettings(spacing_mm=0.4))
    assert one.high < 1.0
    assert np.array_equal(one.image, other.image)


def test_the_mask_has_one_cell_for_8_by_8_pixels_and_lies_on_the_breast():
    standard = standardise(mammogram(), ImageSettings(spacing_mm=0.25))
    height, width = standard.image.shape
    assert standard.breast.shape == (-(-height // 8), -(-width // 8))
    rows, cols = np.mgrid[:height, :width]
    original = standard.geometry.to_original(rows, cols)
    truth = np.hypot((original[0] - 300) / 200, original[1] / 260) < 1
    mask = breast_at(standard.breast, rows, cols)
    assert (mask & truth).sum() / (mask | truth).sum() > 0.96
    assert standard.breast_mm2 == pytest.approx(np.pi / 2 * 200 * 260 * 0.16, rel=0.05)


@pytest.mark.parametrize("pixels", [np.zeros((600, 460), np.float32), np.eye(10, dtype=np.float32)])
def test_an_image_without_a_breast_fails_with_a_reason(pixels):
    with pytest.raises(Unusable, match="no breast"):
        standardise(mammogram(pixels=pixels), ImageSettings())


def test_an_image_of_padding_only_fails():
    with pytest.raises(Unusable, match="all pixels are padding"):
        standardise(mammogram(valid=np.zeros((HEIGHT, WIDTH), bool)), ImageSettings())


def test_the_decoded_pixels_are_not_modified():
    source = mammogram(mirrored=True)
    before = source.pixels.copy()
    standardise(source, ImageSettings(spacing_mm=0.4))
    assert np.array_equal(source.pixels, before)
