import pytest

from pipeline.config import DicomSettings
from pipeline.dicom.mammogram import Unusable, read_mammogram
from tests.dicom_samples import write_mammogram

CR, SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.5.1.4.1.1.7"
NONE = {"ImagerPixelSpacing": None}


def read(path, *, spacing_mm=0.2, **values):
    settings = DicomSettings(modalities="any", views="any")
    path = write_mammogram(path / "a.dcm", **values)
    return read_mammogram(path, settings=settings, spacing_mm=spacing_mm)


@pytest.mark.parametrize(
    ("values", "mm", "source"),
    [
        ({}, 0.1, "Imager Pixel Spacing"),
        ({"EstimatedRadiographicMagnificationFactor": 1.25}, 0.08, "Imager Pixel Spacing / 1.25"),
        ({"EstimatedRadiographicMagnificationFactor": 1}, 0.1, "Imager Pixel Spacing"),
        ({"EstimatedRadiographicMagnificationFactor": 0}, 0.1, "Imager Pixel Spacing"),
        (
            {
                "EstimatedRadiographicMagnificationFactor": 1.25,
                "PixelSpacing": [0.08, 0.08],
                "PixelSpacingCalibrationType": "GEOMETRY ",
            },
            0.08,
            "Pixel Spacing (GEOMETRY)",
        ),
        (
            {"PixelSpacing": [0.09, 0.09], "PixelSpacingCalibrationType": "FIDUCIAL"},
            0.09,
            "Pixel Spacing (FIDUCIAL)",
        ),
        ({"PixelSpacing": [0.1, 0.1]}, 0.1, "Imager Pixel Spacing"),
        (NONE | {"PixelSpacing": [0.07, 0.07]}, 0.07, "Pixel Spacing"),
        (
            NONE
            | {
                "SOPClassUID": SECONDARY_CAPTURE,
                "NominalScannedPixelSpacing": [0.05, 0.05],
                "PixelSpacing": [0.1, 0.1],
            },
            0.05,
            "Nominal Scanned Pixel Spacing",
        ),
        (
            {"SOPClassUID": CR, "Modality": "CR", "PixelSpacing": [0.1, 0.1]},
            0.1,
            "Imager Pixel Spacing",
        ),
        (NONE, 0.2, "data set or data.spacing_mm"),
        ({"ImagerPixelSpacing": [0, 0]}, 0.2, "data set or data.spacing_mm"),
        ({"ImagerPixelSpacing": [5, 5]}, 0.2, "data set or data.spacing_mm"),
        ({"ImagerPixelSpacing": [0.1]}, 0.2, "data set or data.spacing_mm"),
    ],
)
def test_the_spacing_comes_from_the_right_place(tmp_path, values, mm, source):
    mammogram = read(tmp_path, **values)
    assert mammogram.spacing_mm == pytest.approx(mm)
    assert mammogram.spacing_source == source


@pytest.mark.parametrize(
    ("factor", "recorded"), [(1.04, 1.04), (1, 1), (0, None), (30, None), (None, None)]
)
def test_a_plausible_magnification_is_recorded(tmp_path, factor, recorded):
    values = {} if factor is None else {"EstimatedRadiographicMagnificationFactor": factor}
    mammogram = read(tmp_path, **values)
    assert mammogram.magnification == recorded
    assert mammogram.notes == (["the magnification is not plausible: left out"] * (factor == 30))


def test_a_magnification_that_no_contact_view_has_is_noted(tmp_path):
    mammogram = read(tmp_path, EstimatedRadiographicMagnificationFactor=1.5)
    assert mammogram.spacing_mm == pytest.approx(0.1 / 1.5)
    assert "magnified as in a magnification view" in mammogram.notes[0]


def test_spacings_that_disagree_are_noted(tmp_path):
    mammogram = read(tmp_path, PixelSpacing=[0.07, 0.07])
    assert mammogram.spacing_mm == 0.1
    assert mammogram.notes == ["Pixel Spacing 0.07 mm differs from Imager Pixel Spacing, 0.1 mm"]


@pytest.mark.parametrize("plain", [0.1, 0.08])
def test_a_pixel_spacing_of_the_detector_or_of_the_breast_is_no_disagreement(tmp_path, plain):
    values = {"EstimatedRadiographicMagnificationFactor": 1.25, "PixelSpacing": [plain, plain]}
    mammogram = read(tmp_path, **values)
    assert mammogram.spacing_mm == pytest.approx(0.08)
    assert mammogram.notes == []


def test_without_any_spacing_the_setting_is_named(tmp_path):
    with pytest.raises(Unusable, match=r'skipped: no pixel spacing .* SET="data.spacing_mm=0.05"'):
        read(tmp_path, spacing_mm=None, **NONE)


@pytest.mark.parametrize(
    "values",
    [
        {"ImagerPixelSpacing": [0.1, 0.12]},
        NONE | {"PixelSpacing": [0.1, 0.12]},
        NONE | {"PixelAspectRatio": [5, 6]},
    ],
)
def test_pixels_that_are_not_square_fail(tmp_path, values):
    with pytest.raises(Unusable, match="failed: the pixels are not square"):
        read(tmp_path, **values)
