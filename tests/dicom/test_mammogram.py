import pickle

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.datadict import dictionary_description, dictionary_VR
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian

from pipeline.config import DicomSettings
from pipeline.dicom.mammogram import Unusable, read_mammogram
from tests.dicom_samples import write_as, write_mammogram

SETTINGS = DicomSettings()
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


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
    assert mammogram.laterality_source == "Image Laterality"
    assert mammogram.view_source == "View Position"
    assert (mammogram.spacing_mm, mammogram.spacing_source) == (0.1, "Imager Pixel Spacing")
    assert mammogram.scanner == "Maker M1"
    assert mammogram.valid is None
    assert mammogram.notes == []


def test_the_pixel_hash_depends_on_values_and_shape_only(tmp_path):
    pixels = np.arange(16, dtype=np.uint16).reshape(4, 4)
    first = read(write_mammogram(tmp_path / "a.dcm", pixels)).pixel_sha256
    other_header = read(write_mammogram(tmp_path / "b.dcm", pixels, PatientID="w2")).pixel_sha256
    other_shape = read(write_mammogram(tmp_path / "c.dcm", pixels.reshape(2, 8))).pixel_sha256
    other_value = read(write_mammogram(tmp_path / "d.dcm", pixels ^ 1)).pixel_sha256
    assert first == other_header
    assert len({first, other_shape, other_value}) == 3


def test_stored_values_take_memory_only_where_they_are_asked_for(tmp_path):
    path = write_mammogram(tmp_path / "a.dcm")
    assert read(path).stored.size == 0
    kept = read_mammogram(path, settings=SETTINGS, keep_stored=True)
    np.testing.assert_array_equal(kept.stored, dcmread(path).pixel_array)


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
        ({"Modality": "CT"}, "Modality is CT, not MG (dicom.modalities)"),
        (
            {"Modality": None, "SOPClassUID": "1.2.3"},
            "Modality is missing, not MG",
        ),
        ({"NumberOfFrames": 40}, "40 frames (dicom.frames)"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "PALETTE COLOR, not grey"),
        ({"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3}, "RGB, not grey"),
        ({"SamplesPerPixel": 3}, "3 samples per pixel, not grey"),
        ({"BitsAllocated": 1}, "1 bit per pixel, a mask"),
        ({"BitsAllocated": 32}, "32 bits per pixel, a mammogram has 8 or 16"),
        ({"PresentationIntentType": "FOR PROCESSING"}, "FOR PROCESSING"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.1.2.1"}, "FOR PROCESSING"),
        (
            {"Rows": None, "Columns": None, "SOPClassUID": "1.2.840.10008.5.1.4.1.1.104.1"},
            "no image in it: Encapsulated PDF Storage",
        ),
        (
            {"Modality": "PR", "Rows": None, "Columns": None},
            "Modality is PR, not MG",
        ),
        (
            {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.11.1", "Rows": None, "Columns": None},
            "no image in it: Grayscale Softcopy Presentation State Storage",
        ),
        (
            {"Modality": "SR", "Rows": None, "Columns": None},
            "Modality is SR, not MG",
        ),
        ({"SOPClassUID": "1.2.840.10008.1.3.10"}, "DICOMDIR, a list of other files"),
        ({"ViewPosition": "XCCL"}, r"view XCCL"),
        ({"ViewCodeSequence": [code("399260004")]}, r"view ML "),
        ({"ViewCodeSequence": [code("399162004", "399163009")]}, "magnification"),
        ({"ViewCodeSequence": [code("399162004", "399055006")]}, "spot compression"),
        ({"ViewCodeSequence": [code("127457009")]}, "SPECIMEN"),
        ({"ImageType": ["DERIVED", "PRIMARY", "STEREO"]}, "STEREO"),
        ({"QualityControlImage": "YES"}, "Image Type QUALITY CONTROL (dicom.views)"),
        ({"ImageType": ["DERIVED", "PRIMARY", "TOMOSYNTHESIS", "NONE"]}, "TOMOSYNTHESIS"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "TOMO_PROJ", "L"]}, "TOMOSYNTHESIS"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.13.1.3"}, "Type TOMOSYNTHESIS (dicom.views)"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.13.1.4"}, "TOMOSYNTHESIS"),
        ({"ImageType": ["DERIVED", "PRIMARY", "POST_CONTRAST", "SUBTRACTION"]}, "SUBTRACTION"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "HIGH_ENERGY"]}, "HIGH_ENERGY"),
    ],
)
def test_what_is_no_screening_mammogram_is_skipped_with_the_reason(tmp_path, values, reason):
    status, said = refusal(write_mammogram(tmp_path / "a.dcm", **values))
    assert status == "skipped"
    assert reason in said


_NO_SIZE = {"Rows": None, "Columns": None}


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (_NO_SIZE, "the header ends before the image's description"),
        (_NO_SIZE | {"Modality": None}, "the header ends before the image's description"),
        (_NO_SIZE | {"SOPClassUID": SECONDARY_CAPTURE}, "before the image's description"),
        (
            _NO_SIZE | {"SOPClassUID": SECONDARY_CAPTURE, "Modality": None},
            "the header ends before its Modality",
        ),
        ({"PhotometricInterpretation": None}, "Photometric Interpretation is missing"),
        ({"PhotometricInterpretation": "MONOCHROM"}, "is 'MONOCHROM', which is unknown"),
    ],
)
def test_a_mammogram_whose_description_is_lost_fails(tmp_path, values, reason):
    status, said = refusal(write_mammogram(tmp_path / "a.dcm", **values))
    assert status == "failed"
    assert reason in said


@pytest.mark.parametrize(
    "values",
    [
        {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.66"},  # raw data of a mammography machine
        {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2", "Modality": "CT"},
        {"PresentationIntentType": "FOR PROCESSING"},
    ],
)
def test_what_would_not_be_read_is_skipped_without_a_description_too(tmp_path, values):
    assert refusal(write_mammogram(tmp_path / "a.dcm", **_NO_SIZE, **values))[0] == "skipped"


def test_a_file_that_is_cut_off_anywhere_fails(tmp_path):
    data = write_mammogram(tmp_path / "a.dcm").read_bytes()
    for end in range(len(data)):
        (tmp_path / "b.dcm").write_bytes(data[:end])
        status, reason = refusal(tmp_path / "b.dcm")
        assert status == "failed", end
        assert "unpack" not in reason, end


@pytest.mark.parametrize("vr", [b"  ", b"??", b"XX\0\0"])
def test_a_header_that_derails_at_an_element_fails(tmp_path, vr):
    data = write_mammogram(tmp_path / "a.dcm").read_bytes()
    at = data.index(b"\x18\x00\x64\x11")  # Imager Pixel Spacing
    length = (6).to_bytes(len(vr), "little")
    element = b"\x18\x00\x20\x10" + vr + length + b"soft42"
    (tmp_path / "a.dcm").write_bytes(data[:at] + element + data[at:])
    status, said = refusal(tmp_path / "a.dcm")
    assert (status, "the header ends before the image's description" in said) == ("failed", True)


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", "failed"),
        (bytes(5000), "failed"),
        (bytes(128) + b"DI", "failed"),
        (b"\n<!DOCTYPE html>", "failed"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "failed"),
        (b'{"error": "not found"}', "failed"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "failed"),
        (b"/annex/objects/MD5E-s9--0.dcm\n", "failed"),
        (b"\x1f\x8b\x08\0 a file that gzip has packed", "failed"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + bytes(128) + b"DICM\x02\0\0\0UL", "failed"),
        (b"PK", "skipped"),
    ],
)
def test_a_download_that_stopped_fails_and_what_never_was_dicom_is_skipped(
    tmp_path, content, status
):
    (tmp_path / "a.dcm").write_bytes(content)
    assert refusal(tmp_path / "a.dcm")[0] == status


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
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, {}),
    ],
)
def test_settings_let_more_files_pass(tmp_path, values, settings):
    assert read(write_mammogram(tmp_path / "a.dcm", **values), **settings).pixels.shape == (8, 8)


@pytest.mark.parametrize(
    "image_type",
    [
        ["DERIVED", "PRIMARY", "TOMOSYNTHESIS", "GENERATED_2D"],
        ["ORIGINAL", "PRIMARY", "TOMO_2D"],
        ["ORIGINAL", "PRIMARY", "LOW_ENERGY"],
    ],
)
def test_a_mammogram_beside_other_images_is_read(tmp_path, image_type):
    assert read(write_mammogram(tmp_path / "a.dcm", ImageType=image_type)).image_type == []


def test_a_frame_of_a_tomosynthesis_is_read_where_one_is_asked_for(tmp_path):
    path = write_mammogram(
        tmp_path / "a.dcm",
        np.arange(128, dtype=np.uint16).reshape(16, 8),
        Rows=8,
        NumberOfFrames=2,
        SOPClassUID="1.2.840.10008.5.1.4.1.1.13.1.3",
    )
    assert read(path, frames="middle").frame == 1


def test_an_unknown_modality_of_a_mammography_storage_is_named_and_it_is_read(tmp_path):
    storage = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.1.2"}
    mammogram = read(write_as(tmp_path / "a.dcm", "Modality", "MAMMO", "LO", **storage))
    assert mammogram.modality == "MG"
    assert "Modality 'MAMMO' is none: taken as MG" in mammogram.notes
    path = write_mammogram(tmp_path / "b.dcm", Modality="CR", **storage)
    assert refusal(path) == ("skipped", "Modality is CR, not MG (dicom.modalities)")


@pytest.mark.parametrize("text", ["FOR_PROCESSING", "forprocessing"])
def test_an_intent_in_other_letters_is_read(tmp_path, text):
    path = write_as(tmp_path / "a.dcm", "PresentationIntentType", text, "LO")
    assert refusal(path) == ("skipped", "FOR PROCESSING (dicom.for_processing)")


def test_an_intent_that_is_none_is_named(tmp_path):
    mammogram = read(write_as(tmp_path / "a.dcm", "PresentationIntentType", "RAW", "LO"))
    assert any("Presentation Intent Type 'RAW': taken as " in note for note in mammogram.notes)


def test_a_view_that_displaces_an_implant_is_kept_and_marked(tmp_path):
    path = write_mammogram(tmp_path / "a.dcm", ViewCodeSequence=[code("399162004", "399209000")])
    mammogram = read(path)
    assert mammogram.modifiers == ["implant displaced"]
    assert mammogram.implant == "yes"
    assert mammogram.notes == []


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
    assert (mammogram.laterality, mammogram.laterality_source) == ("R", "Image Laterality")
    assert mammogram.notes == ["contradictory sides: Image Laterality R, Laterality L"]


@pytest.mark.parametrize(
    ("values", "settings", "intent"),
    [
        ({}, {}, "FOR PRESENTATION"),
        ({"PresentationIntentType": "FOR PRESENTATION "}, {}, "FOR PRESENTATION"),
        (
            {"PresentationIntentType": "FOR PROCESSING"},
            {"for_processing": True},
            "FOR PROCESSING",
        ),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, {}, ""),
    ],
    ids=["by the kind of image", "for presentation", "for processing", "secondary capture"],
)
def test_the_intent_is_recorded(tmp_path, values, settings, intent):
    assert read(write_mammogram(tmp_path / "a.dcm", **values), **settings).intent == intent


@pytest.mark.parametrize(
    ("values", "implant"),
    [
        ({}, ""),
        ({"BreastImplantPresent": "YES"}, "yes"),
        ({"BreastImplantPresent": "NO"}, "no"),
        ({"BreastImplantPresent": "NO", "ViewPosition": "MLOID"}, "yes"),
    ],
)
def test_an_implant_is_recorded(tmp_path, values, implant):
    assert read(write_mammogram(tmp_path / "a.dcm", **values)).implant == implant


def test_the_transfer_syntax_is_recorded_as_labelled_and_the_codec_as_found(tmp_path):
    mammogram = read(write_mammogram(tmp_path / "a.dcm"))
    assert mammogram.transfer_syntax == "Explicit VR Little Endian"
    assert mammogram.codec == "uncompressed"


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("polarity", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_marked_in_every_polarity_and_sign(tmp_path, signed, polarity):
    padding = -2000 if signed else 4000
    pixels = np.array([[100, padding], [101, padding + 5]], np.int16 if signed else np.uint16)
    path = write_mammogram(
        tmp_path / "a.dcm",
        pixels,
        BitsStored=12,
        PhotometricInterpretation=polarity,
        PixelPaddingValue=padding,
        PixelPaddingRangeLimit=padding + 5,
    )
    np.testing.assert_array_equal(read(path).valid, [[True, False], [True, False]])


def test_a_single_padding_value_is_marked(tmp_path):
    pixels = np.array([[0, 100], [0, 101]], np.uint16)
    path = write_mammogram(tmp_path / "a.dcm", pixels, PixelPaddingValue=0)
    np.testing.assert_array_equal(read(path).valid, [[False, True], [False, True]])


def test_padding_that_does_not_occur_leaves_all_pixels_valid(tmp_path):
    assert read(write_mammogram(tmp_path / "a.dcm", PixelPaddingValue=4000)).valid is None


def test_a_window_among_signed_pixels_is_kept(tmp_path):
    pixels = np.array([[-5, 3], [-1, 0]], np.int16)
    path = write_mammogram(tmp_path / "a.dcm", pixels, WindowCenter=-4, WindowWidth=2)
    mammogram = read(path)
    assert mammogram.window == "LINEAR -4/2"
    np.testing.assert_array_equal(mammogram.pixels, [[0, 1], [1, 1]])


def test_a_window_beyond_signed_pixels_is_left_out(tmp_path):
    pixels = np.array([[-5, 3], [-1, 0]], np.int16)
    path = write_mammogram(tmp_path / "a.dcm", pixels, WindowCenter=3000, WindowWidth=100)
    mammogram = read(path)
    assert mammogram.window == "none"
    assert mammogram.pixels.argmin() == 0


def test_a_file_without_preamble_is_read(tmp_path):
    path = write_mammogram(tmp_path / "a.dcm")
    path.write_bytes(path.read_bytes()[132:])
    assert read(path).pixels.shape == (8, 8)


@pytest.mark.parametrize("content", [b"id;name\n1;2\n", b"\x89PNG\r\n\x1a\n" + bytes(300)])
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


# Numbers without which there is no image; they are named by their keyword.
NEEDED = ("Rows", "Columns", "BitsAllocated", "BitsStored")
GIVEN = {
    "RescaleIntercept": 0,
    "RescaleSlope": 1,
    "PixelPaddingValue": 0,
    "PixelPaddingRangeLimit": 0,
    "HighBit": 15,
}
NOTED = (*GIVEN, "PixelRepresentation")
OTHERS = (
    *("SamplesPerPixel", "NumberOfFrames", "ImagerPixelSpacing", "PixelSpacing", "WindowCenter"),
    *("WindowWidth", "EstimatedRadiographicMagnificationFactor", "PixelAspectRatio"),
)


@pytest.mark.parametrize("keyword", [*NEEDED, *NOTED, *OTHERS])
def test_a_number_that_is_there_and_empty_is_as_good_as_absent(tmp_path, keyword):
    """It never becomes an error of Python that is told as the reason."""

    def outcome(name, *, empty):
        pixels = np.arange(64, dtype=np.uint16).reshape(8, 8)
        path = write_mammogram(tmp_path / name, pixels, **GIVEN)
        dataset = dcmread(path)
        dataset.pop(keyword, None)
        if empty:
            dataset.add_new(keyword, dictionary_VR(keyword)[:2], None)
        dataset.save_as(path)
        try:
            mammogram = read(path, spacing_mm=0.2)
        except Unusable as refused:
            return str(refused), []
        return mammogram.pixels.tolist(), mammogram.notes

    (absent, notes), (empty, notes_on_empty) = (
        outcome("absent.dcm", empty=False),
        outcome("empty.dcm", empty=True),
    )
    assert empty == absent
    assert (keyword in NEEDED) == isinstance(empty, str)
    if keyword in NOTED:
        name = dictionary_description(keyword)
        assert notes_on_empty == [*notes, f"empty or no number, taken as absent: {name}"]


@pytest.mark.parametrize("keyword", ["ViewCodeSequence", "VOILUTSequence"])
def test_a_sequence_that_is_none_is_left_out_and_named(tmp_path, keyword):
    mammogram = read(write_as(tmp_path / "a.dcm", keyword, "MLO", "LO"))
    name = {"ViewCodeSequence": "View Code Sequence"}.get(keyword, "VOI LUT Sequence")
    assert mammogram.notes == [f"{name} is no sequence of items: left out"]
