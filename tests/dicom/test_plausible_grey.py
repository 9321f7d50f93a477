"""Grey values that cannot be right are seen by the breast, on drawn and on real films."""

import cv2
import numpy as np
import pytest

from pipeline.config import DicomSettings
from pipeline.dicom.mammogram import read_mammogram
from pipeline.dicom.plausible_grey import look_at, reduced
from tests.dicom_samples import lut, write_mammogram
from tests.preprocess.films import SUFFIXES, read_film

NEGATIVE = "the breast is a negative, turned round against"
EVERY = 9  # of the films, so that it takes seconds


def drawn(*, thin: int = 400, dense: int = 3000) -> np.ndarray:
    """12 bit: a breast at the left that gets brighter from its skin inwards, in dark air."""
    row, col = np.mgrid[:300, :240]
    depth = 1 - np.hypot((row - 150) / 130, col / 170)
    tissue = thin + (dense - thin) * np.clip(2 * depth, 0, 1)
    noise = np.random.default_rng(0).normal(0, 15, row.shape)
    return np.where(depth > 0, tissue, 60 + noise).clip(0, 4095).astype(np.uint16)


def read(path, pixels, *, settings=None, **values):
    file = write_mammogram(path / "a.dcm", pixels, **{"BitsStored": 12, **values})
    return read_mammogram(file, settings=settings or DicomSettings())


@pytest.mark.parametrize(
    ("pixels", "polarity"),
    [(4095 - drawn(), "MONOCHROME2"), (drawn(), "MONOCHROME1")],
    ids=["reversed values", "a wrong Photometric Interpretation"],
)
def test_a_negative_is_turned_round_and_noted(tmp_path, pixels, polarity):
    mammogram = read(tmp_path, pixels, PhotometricInterpretation=polarity)
    np.testing.assert_allclose(mammogram.pixels, drawn() / 4095, atol=1e-6)
    assert mammogram.notes == [f"{NEGATIVE} {polarity} (dicom.polarity)"]


@pytest.mark.parametrize("polarity", ["MONOCHROME1", "MONOCHROME2"])
def test_a_breast_as_the_header_says_is_left_as_it_is(tmp_path, polarity):
    pixels = drawn() if polarity == "MONOCHROME2" else 4095 - drawn()
    mammogram = read(tmp_path, pixels, PhotometricInterpretation=polarity)
    np.testing.assert_allclose(mammogram.pixels, drawn() / 4095, atol=1e-6)
    assert mammogram.notes == []


def test_a_look_up_table_that_turns_the_values_round_makes_no_negative(tmp_path):
    table = lut([0] * 4096, first=0, bits=12)
    table[0].LUTData = np.arange(4095, -1, -1, dtype="<u2").tobytes()
    mammogram = read(tmp_path, 4095 - drawn(), VOILUTSequence=table)
    np.testing.assert_allclose(mammogram.pixels, drawn() / 4095, atol=1e-6)
    assert mammogram.notes == []


def rays(thickness_mm: float = 45.0) -> np.ndarray:
    """12 bit: what is left of the rays behind a breast, which falls off steeply at its skin."""
    row, col = np.mgrid[:300, :240]
    depth = 150 * (1 - np.hypot((row - 150) / 130, col / 170)).clip(0)
    thickness = thickness_mm * np.sqrt(1 - (1 - np.minimum(depth, 20) / 20) ** 2)
    dense = np.hypot(row - 150, col - 70) < 40
    left = np.exp(-thickness * (0.05 + 0.02 * dense))
    noise = np.random.default_rng(0).normal(0, 4, row.shape)
    return (3900 * left + noise).clip(0, 4095).astype(np.uint16)


RAW = "the pixels may be raw, which only FOR PROCESSING images should be (dicom.polarity)"


@pytest.mark.parametrize("polarity", ["MONOCHROME2", "MONOCHROME1"])
def test_raw_pixels_labelled_for_presentation_are_noted_and_dense_tissue_becomes_bright(
    tmp_path, polarity
):
    tags = {"PhotometricInterpretation": polarity, "PresentationIntentType": "FOR PRESENTATION"}
    mammogram = read(tmp_path, rays(), **tags)
    np.testing.assert_allclose(mammogram.pixels, 1 - rays() / 4095, atol=1e-6)
    assert mammogram.notes[0].endswith(RAW)
    turned = [f"{NEGATIVE} MONOCHROME2 (dicom.polarity)"] if polarity == "MONOCHROME2" else []
    assert mammogram.notes[1:] == turned


def test_raw_pixels_that_say_so_are_turned_without_that_note(tmp_path):
    settings = DicomSettings(for_processing=True)
    tags = {"PresentationIntentType": "FOR PROCESSING"}
    mammogram = read(tmp_path, rays(), settings=settings, **tags)
    assert mammogram.notes == [f"{NEGATIVE} MONOCHROME2 (dicom.polarity)"]


def padded(pixels: np.ndarray) -> np.ndarray:
    """The same with all of the air replaced by the padding value 0."""
    row, col = np.mgrid[:300, :240]
    return np.where(np.hypot((row - 150) / 130, col / 170) < 1, pixels.clip(1), 0).astype("u2")


@pytest.mark.parametrize(("negative", "turned"), [(True, 1), (False, 0)])
def test_a_negative_whose_air_is_all_padding_is_seen_by_its_skin(tmp_path, negative, turned):
    pixels = padded(4095 - drawn() if negative else drawn())
    mammogram = read(tmp_path, pixels, PixelPaddingValue=0)
    inside = padded(drawn()) > 0
    np.testing.assert_allclose(mammogram.pixels[inside], drawn()[inside] / 4095, atol=1e-6)
    assert mammogram.notes == [f"{NEGATIVE} MONOCHROME2 (dicom.polarity)"] * turned


def test_air_that_somebody_has_whitened_is_no_negative(tmp_path):
    pixels = np.where(drawn() > 200, drawn(), 4095).astype(np.uint16)
    mammogram = read(tmp_path, pixels)
    np.testing.assert_allclose(mammogram.pixels, pixels / 4095, atol=1e-6)
    assert mammogram.notes == []


def test_a_field_inside_white_collimators_is_no_negative():
    field = np.ones((240, 200), np.float32)
    field[:, 50:150] = 0
    field[:, 80:120] = 0.5
    assert look_at(field).reversed is False


def test_a_negative_that_is_not_clear_is_noted(tmp_path):
    mammogram = read(tmp_path, 4095 - drawn(thin=2100))
    np.testing.assert_allclose(mammogram.pixels, (4095 - drawn(thin=2100)) / 4095, atol=1e-6)
    assert mammogram.notes == ["bright air: the breast may be a negative (dicom.polarity)"]


@pytest.mark.parametrize(
    ("setting", "turned", "notes"),
    [
        ("header", False, []),
        ("reversed", True, ["turned round against MONOCHROME2 (dicom.polarity)"]),
    ],
)
def test_the_polarity_may_be_set(tmp_path, setting, turned, notes):
    mammogram = read(tmp_path, 4095 - drawn(), settings=DicomSettings(polarity=setting))
    expected = drawn() if turned else 4095 - drawn()
    np.testing.assert_allclose(mammogram.pixels, expected / 4095, atol=1e-6)
    assert mammogram.notes == notes


@pytest.mark.parametrize(
    ("polarity", "shape", "contradicts"),
    [
        ("MONOCHROME2", "INVERSE", True),
        ("MONOCHROME1", "IDENTITY", True),
        ("MONOCHROME2", "IDENTITY", False),
        ("MONOCHROME1", "INVERSE", False),
        ("MONOCHROME2", "LIN OD", False),
    ],
)
def test_a_shape_that_contradicts_is_noted_and_the_breast_decides(
    tmp_path, polarity, shape, contradicts
):
    pixels = drawn() if polarity == "MONOCHROME2" else 4095 - drawn()
    values = {"PhotometricInterpretation": polarity, "PresentationLUTShape": shape}
    mammogram = read(tmp_path, pixels, **values)
    np.testing.assert_allclose(mammogram.pixels, drawn() / 4095, atol=1e-6)
    note = (
        f"contradictory polarities: Photometric Interpretation {polarity}, "
        f"Presentation LUT Shape {shape}"
    )
    assert mammogram.notes == [note] * contradicts


@pytest.mark.parametrize(
    "values",
    [
        {"WindowCenter": 127, "WindowWidth": 255},
        {"WindowCenter": 40, "WindowWidth": 400},
        {"WindowCenter": 127, "WindowWidth": 255, "VOILUTFunction": "SIGMOID"},
        {"WindowCenter": 3200, "WindowWidth": 800},
    ],
    ids=["of 8 bit", "of CT", "sigmoid", "too bright"],
)
def test_a_window_that_hides_the_breast_is_left_out_and_noted(tmp_path, values):
    mammogram = read(tmp_path, drawn(), **values)
    assert mammogram.window == "none"
    np.testing.assert_allclose(mammogram.pixels, drawn() / 4095, atol=1e-6)
    (note,) = mammogram.notes
    assert note.endswith("of the breast black or white: left out (dicom.window)")


def test_a_window_that_hides_a_part_of_the_breast_is_noted(tmp_path):
    mammogram = read(tmp_path, drawn(), WindowCenter=1300, WindowWidth=2400)
    assert mammogram.window == "LINEAR 1300/2400"
    (note,) = mammogram.notes
    assert note.endswith("of the breast black or white (dicom.window)")


def test_a_window_that_shows_the_breast_is_not_noted(tmp_path):
    mammogram = read(tmp_path, drawn(), WindowCenter=1700, WindowWidth=2800)
    assert (mammogram.window, mammogram.notes) == ("LINEAR 1700/2800", [])


@pytest.mark.parametrize(("setting", "window"), [("always", "LINEAR 40/400"), ("never", "none")])
def test_the_window_may_be_set(tmp_path, setting, window):
    settings = DicomSettings(window=setting)
    mammogram = read(tmp_path, drawn(), settings=settings, WindowCenter=40, WindowWidth=400)
    assert (mammogram.window, mammogram.notes) == (window, [])


def test_what_is_clipped_already_is_not_the_windows_fault(tmp_path):
    pixels = np.where(drawn() > 200, 4095, 0).astype(np.uint16)
    assert read(tmp_path, pixels, WindowCenter=2048, WindowWidth=4096).notes == []


def test_of_real_films_no_positive_is_turned_and_most_negatives_are(mammo_data):
    names = sorted(p.stem for p in (mammo_data / "mini-mias").glob("mdb*") if p.suffix in SUFFIXES)
    films = [read_film(mammo_data, name) for name in names[::EVERY]]
    assert [look_at(reduced(film)).reversed for film in films] == [False] * len(films)
    assert not any(look_at(reduced(film)).raw for film in films)
    negatives = [look_at(reduced(1 - film)).reversed for film in films]
    assert negatives.count(True) > 0.8 * len(films)
    whitened = [look_at(reduced(_whitened(film))).reversed for film in films]
    assert whitened.count(True) < 0.05 * len(films)


def _whitened(film: np.ndarray) -> np.ndarray:
    breast = look_at(film).breast
    inside = cv2.resize(breast.astype(np.uint8), film.shape[::-1], interpolation=cv2.INTER_NEAREST)
    return np.where(inside > 0, film, 1).astype(np.float32)
