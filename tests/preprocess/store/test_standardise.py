"""The standard form: orientation, crop, spacing, grey scale, and coordinates that hold."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from pipeline.config import ImageSettings
from pipeline.dicom.mammogram import Mammogram, Unusable
from pipeline.preprocess.breast.original_masks import original_breast
from pipeline.preprocess.store.entries import breast_at
from pipeline.preprocess.store.standardise import standardise

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


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("margin", [17, 18, 19])
def test_the_crop_ends_at_the_film_at_the_chest_wall_and_not_in_the_black_beside_it(
    mirrored, margin
):
    plain = mammogram().pixels
    framed = np.pad(plain, ((0, 0), (margin, 40)))
    pixels = framed[:, ::-1].copy() if mirrored else framed
    standard = standardise(mammogram(pixels=pixels), ImageSettings(spacing_mm=0.4))
    geometry = standard.geometry
    width = round(geometry.width * geometry.col_scale)
    edge = framed.shape[1] - geometry.col0 - width if mirrored else geometry.col0
    assert edge == margin
    assert standard.breast[standard.breast.shape[0] // 2, 0]


def test_the_breast_reaches_the_edge_of_the_film_to_the_pixel():
    plain = mammogram().pixels
    framed = np.pad(plain, ((0, 0), (18, 40)))
    standard = standardise(mammogram(pixels=framed), ImageSettings(spacing_mm=0.1))
    picture = original_breast(standard.breast, standard.geometry) > 0
    rows, cols = np.mgrid[:HEIGHT, :WIDTH]
    truth = np.pad(np.hypot((rows - 300) / 200, cols / 260) < 1, ((0, 0), (18, 40)))
    assert np.flatnonzero(picture[300])[0] == 18
    assert (picture & truth).sum() / (picture | truth).sum() > 0.98


def oblique():
    """An oblique view of 600 x 460 pixels whose muscle is brighter, and the muscle."""
    rows, cols = np.mgrid[:HEIGHT, :WIDTH]
    skin = 200 + 100 * np.sin(rows / 190)
    muscle = cols < 150 * (1 - rows / 320)
    pixels = np.where(cols < skin, 0.2 + 0.3 * np.clip((skin - cols) / 80, 0, 1), 0.02)
    return (pixels + 0.3 * muscle).astype(np.float32), muscle


def test_the_muscle_is_in_the_breast_unless_the_settings_leave_it_out():
    pixels, muscle = oblique()
    source = mammogram(pixels=pixels, view="MLO")
    with_it = standardise(source, ImageSettings(spacing_mm=0.4))
    without = standardise(source, ImageSettings(spacing_mm=0.4, remove_pectoral=True))
    seen = [original_breast(one.breast, one.geometry)[muscle].mean() for one in (with_it, without)]
    assert seen[0] > 240 and seen[1] < 15
    lost_mm2 = with_it.breast_mm2 - without.breast_mm2
    assert lost_mm2 == pytest.approx(muscle.sum() * 0.16, rel=0.1)
    assert without.background == with_it.background


def test_the_muscle_is_left_out_of_a_mirrored_view_too():
    pixels, muscle = oblique()
    source = mammogram(pixels=pixels[:, ::-1].copy(), view="MLO")
    standard = standardise(source, ImageSettings(spacing_mm=0.4, remove_pectoral=True))
    picture = original_breast(standard.breast, standard.geometry)
    assert picture[:, ::-1][muscle].mean() < 15


def test_only_oblique_views_have_a_muscle_to_leave_out():
    pixels, _ = oblique()
    settings = ImageSettings(spacing_mm=0.4, remove_pectoral=True)
    other = standardise(mammogram(pixels=pixels, view="CC"), settings)
    plain = standardise(mammogram(pixels=pixels, view="CC"), ImageSettings(spacing_mm=0.4))
    assert np.array_equal(other.breast, plain.breast)
    assert not other.notes


def test_a_muscle_that_is_not_found_stays_and_is_noted():
    settings = ImageSettings(spacing_mm=0.4, remove_pectoral=True)
    standard = standardise(mammogram(view="MLO"), settings)
    assert standard.notes == ("pectoral muscle not found",)
    assert np.array_equal(standard.breast, standardise(mammogram(), settings).breast)


def test_a_clear_breast_is_sure_and_a_contradicted_side_is_not():
    assert not standardise(mammogram(), ImageSettings(spacing_mm=0.4)).notes
    assert standardise(mammogram(laterality="R"), ImageSettings(spacing_mm=0.4)).notes


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


def test_what_has_no_breast_fails_with_its_size_and_its_padding():
    with pytest.raises(Unusable, match=r"it measures 6 x 5 mm, with pixels of 0.01 mm \(test\)"):
        standardise(mammogram(spacing_mm=0.01), ImageSettings())
    padded = np.zeros((HEIGHT, WIDTH), bool)
    padded[:2, :2] = True
    with pytest.raises(Unusable, match="one grey value; by its header 100% of it is padding"):
        standardise(mammogram(valid=padded), ImageSettings())


def test_a_mask_of_a_breast_is_no_mammogram():
    film = mammogram()
    sharp = np.where(film.pixels > 0.1, 1.0, 0.0).astype(np.float32)
    soft = cv2.GaussianBlur(sharp, (0, 0), 1.5)
    for mask in (sharp, soft):
        with pytest.raises(Unusable, match="hardly more than one grey value: is it a mask"):
            standardise(mammogram(pixels=mask), ImageSettings())
    faint = np.where(sharp > 0, 0.6 + 0.1 * film.pixels, 0.05).astype(np.float32)
    assert standardise(mammogram(pixels=faint), ImageSettings()).breast.any()
