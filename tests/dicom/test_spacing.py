import pytest

from pipeline.config import DicomSettings
from pipeline.dicom.mammogram import Unusable, read_mammogram
from tests.dicom_samples import write_as, write_mammogram

CR, SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.5.1.4.1.1.7"
NONE = {"ImagerPixelSpacing": None}


def read(path, *, spacing_mm=0.2, **values):
    settings = DicomSettings(modalities="any", views="any")
    path = write_mammogram(path / "a.dcm", **values)
    return read_mammogram(path, settings=settings, spacing_mm=spacing_mm)


def read_written(path, keyword, text, vr, *, spacing_mm=0.2):
    """Read a file in which an element has this text and value representation."""
    file = write_as(path / "a.dcm", keyword, text, vr)
    settings = DicomSettings(modalities="any", views="any")
    return read_mammogram(file, settings=settings, spacing_mm=spacing_mm)


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


@pytest.mark.parametrize(
    ("keyword", "written", "value", "mm"),
    [
        ("ImagerPixelSpacing", "0,1\\0,1", r"0.1\0.1", 0.1),
        ("ImagerPixelSpacing", "0.1 mm\\0.1mm", r"0.1\0.1", 0.1),
        ("ImagerPixelSpacing", "100 um\\100 um", r"0.1\0.1", 0.1),
        ("EstimatedRadiographicMagnificationFactor", "1,25", "1.25", 0.08),
        ("EstimatedRadiographicMagnificationFactor", "1.25x", "1.25", 0.08),
    ],
)
def test_a_number_that_is_written_another_way_is_read_and_noted(
    tmp_path, keyword, written, value, mm
):
    mammogram = read_written(tmp_path, keyword, written, "DS")
    assert mammogram.spacing_mm == pytest.approx(mm)
    note = f"'{written.upper()}' is no number as DICOM writes it: read as {value}"
    assert [text.endswith(note) for text in mammogram.notes] == [True]


@pytest.mark.parametrize("vr", ["UT", "LO", "OB"])
def test_a_spacing_of_the_wrong_vr_is_read_and_noted(tmp_path, vr):
    mammogram = read_written(tmp_path, "ImagerPixelSpacing", "0.08\\0.08", vr)
    assert mammogram.spacing_mm == 0.08
    assert mammogram.notes == [
        rf"Imager Pixel Spacing has the value representation {vr}, not DS: read as 0.08\0.08"
    ]


UNREADABLE = ["0.1\\0\\0.1000", "0.1", "abc", "0.1 ly\\0.1 ly", "0,1,0\\0,1,0"]


@pytest.mark.parametrize("written", UNREADABLE)
def test_a_spacing_that_cannot_be_used_is_named_where_none_is_known(tmp_path, written):
    with pytest.raises(Unusable) as refused:
        read_written(tmp_path, "ImagerPixelSpacing", written, "DS", spacing_mm=None)
    assert refused.value.status == "failed"
    assert f"Imager Pixel Spacing '{written.upper()}'; give it in mm" in refused.value.reason


@pytest.mark.parametrize("written", UNREADABLE)
def test_a_spacing_that_cannot_be_used_is_noted_where_another_is_known(tmp_path, written):
    mammogram = read_written(tmp_path, "ImagerPixelSpacing", written, "DS")
    assert mammogram.spacing_source == "data set or data.spacing_mm"
    assert f"Imager Pixel Spacing '{written.upper()}'" in mammogram.notes[0]


@pytest.mark.parametrize("written", [r"0\0", r"1.2\1.2"])
def test_a_spacing_that_no_mammogram_has_is_named(tmp_path, written):
    with pytest.raises(Unusable, match="failed: no pixel spacing that can be used") as refused:
        read_written(tmp_path, "ImagerPixelSpacing", written, "DS", spacing_mm=None)
    assert f"Imager Pixel Spacing '{written}'" in refused.value.reason


def test_a_magnification_that_cannot_be_read_is_noted(tmp_path):
    keyword = "EstimatedRadiographicMagnificationFactor"
    mammogram = read_written(tmp_path, keyword, "none", "DS")
    assert mammogram.notes == [
        "Estimated Radiographic Magnification Factor 'NONE' is no number: left out"
    ]


@pytest.mark.parametrize(("modality", "status"), [("MG", "failed"), ("CT", "skipped")])
def test_without_any_spacing_a_mammogram_is_lost_and_the_setting_named(tmp_path, modality, status):
    with pytest.raises(Unusable, match=rf"{status}: .* file; .* SET=data.spacing_mm=0.05"):
        read(tmp_path, spacing_mm=None, Modality=modality, **NONE)


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
