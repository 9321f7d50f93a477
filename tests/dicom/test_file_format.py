import struct
import warnings
import zlib

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from pipeline.dicom.file_format import is_dicom, open_dicom, read_dicom
from tests.dicom_samples import write_mammogram

PIXELS = np.arange(64, dtype=np.uint16).reshape(8, 8)
SYNTAXES = [
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
]


def write(path, syntax, **values):
    if syntax != ExplicitVRBigEndian:
        return write_mammogram(path, PIXELS, syntax=syntax, **values)
    values["PixelData"] = PIXELS.astype(">u2").tobytes()
    return write_mammogram(path, PIXELS, syntax=syntax, **values)


def relabelled(path, syntax):
    """The file with another transfer syntax in group 0002, and nothing else changed."""
    data = path.read_bytes()
    value = syntax.encode() + b"\0" * (len(syntax) % 2)
    label = b"\x02\x00\x10\x00UI" + struct.pack("<H", len(value)) + value
    length = b"\x02\x00\x00\x00UL\x04\x00" + struct.pack("<I", len(label))
    end = 144 + struct.unpack("<I", data[140:144])[0]
    path.write_bytes(data[:132] + length + label + data[end:])
    return path


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.name)
def test_the_header_ends_where_the_pixels_begin(tmp_path, syntax):
    with open_dicom(write(tmp_path / "a.dcm", syntax)) as (header, pixels):
        order = ">u2" if syntax == ExplicitVRBigEndian else "<u2"
        values = np.frombuffer(pixels.read(0, 128), order)
        assert "PixelData" not in header
        assert header.Modality == "MG"
        assert (pixels.length, pixels.available()) == (128, 128)
        assert pixels.read(120, 100) == pixels.read(120, 8)
    np.testing.assert_array_equal(values, PIXELS.ravel())


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.name)
def test_a_file_that_is_read_whole_can_be_decoded(tmp_path, syntax):
    dataset = read_dicom(write(tmp_path / "a.dcm", syntax), header_only=False)
    np.testing.assert_array_equal(dataset.pixel_array, PIXELS)


def test_only_the_elements_that_are_asked_for_are_read(tmp_path):
    path = write_mammogram(tmp_path / "a.dcm", PIXELS, Manufacturer="Maker")
    header = read_dicom(path, header_only=True, tags=["Modality", 0x00280010])
    assert {element.keyword for element in header} == {"Modality", "Rows"}


@pytest.mark.parametrize("claimed", SYNTAXES[:3], ids=lambda syntax: syntax.name)
@pytest.mark.parametrize("actual", SYNTAXES[:3], ids=lambda syntax: syntax.name)
def test_how_a_data_set_is_encoded_is_seen_from_its_bytes(tmp_path, actual, claimed):
    if actual == claimed:
        return
    path = relabelled(write(tmp_path / "a.dcm", actual), claimed)
    with pytest.warns(UserWarning, match=f"labelled {claimed.name}, is"):
        header = read_dicom(path, header_only=True)
    assert (header.Modality, header.Rows) == ("MG", 8)


def test_a_deflated_label_on_a_plain_data_set_is_seen_from_its_bytes(tmp_path):
    path = write(tmp_path / "a.dcm", ExplicitVRLittleEndian)
    header = read_dicom(relabelled(path, DeflatedExplicitVRLittleEndian), header_only=True)
    assert header.Modality == "MG"


@pytest.mark.parametrize("syntax", SYNTAXES[:3], ids=lambda syntax: syntax.name)
def test_a_file_may_lack_preamble_and_group_0002(tmp_path, syntax):
    path = write(tmp_path / "a.dcm", syntax)
    data = path.read_bytes()
    path.write_bytes(data[144 + struct.unpack("<I", data[140:144])[0] :])
    assert is_dicom(path)
    with open_dicom(path) as (header, pixels):
        assert (header.Modality, pixels.length) == ("MG", 128)


def test_the_length_of_group_0002_may_be_wrong_or_missing(tmp_path):
    path = write(tmp_path / "a.dcm", ExplicitVRLittleEndian)
    data = path.read_bytes()
    path.write_bytes(data[:140] + struct.pack("<I", 7) + data[144:])
    assert read_dicom(path, header_only=True).Modality == "MG"
    path.write_bytes(data[:132] + data[144:])
    assert read_dicom(path, header_only=True).Modality == "MG"


def test_a_group_0002_without_end_is_an_error(tmp_path):
    path = write(tmp_path / "a.dcm", ExplicitVRLittleEndian)
    data = path.read_bytes()
    path.write_bytes(data[:132] + b"\x02\x00\x01\x00OB\0\0\xff\xff\xff\xff" + data[144:])
    with pytest.raises(ValueError, match="group 0002 has"):
        read_dicom(path, header_only=True)


def test_pixels_of_the_old_transfer_syntax_of_ge_are_big_endian(tmp_path):
    path = write(tmp_path / "a.dcm", ImplicitVRLittleEndian)
    with open_dicom(relabelled(path, "1.2.840.113619.5.2")) as (header, pixels):
        assert header.Modality == "MG"
        assert not pixels.little_endian


def test_a_header_of_a_deflated_file_is_cut_and_a_whole_one_refused(tmp_path):
    path = write_mammogram(
        tmp_path / "a.dcm", syntax=DeflatedExplicitVRLittleEndian, PixelData=bytes(2**22)
    )
    assert read_dicom(path, header_only=True, max_bytes=2**20).Modality == "MG"
    with pytest.raises(ValueError, match="inflates to more than 1 MiB"):
        read_dicom(path, header_only=False, max_bytes=2**20)


def test_a_damaged_deflated_file_is_an_error(tmp_path):
    path = write_mammogram(tmp_path / "a.dcm", syntax=DeflatedExplicitVRLittleEndian)
    data = path.read_bytes()
    end = 144 + struct.unpack("<I", data[140:144])[0]
    path.write_bytes(data[:end] + b"\xff" * 100)
    with pytest.raises(zlib.error, match="invalid"):
        read_dicom(path, header_only=True)


def test_a_file_that_ends_in_its_header_has_no_pixels(tmp_path):
    path = write_mammogram(tmp_path / "a.dcm")
    path.write_bytes(path.read_bytes()[:-200])
    with open_dicom(path) as (header, pixels):
        assert header.Modality == "MG"
        assert pixels is None


def with_icon(path, syntax, *, sequence_off: int, item_off: int, pixels: bytes):
    """The file with an icon in it whose lengths are wrong by so many bytes."""
    explicit = syntax != ImplicitVRLittleEndian

    def element(group, number, vr, value, length=None):
        size = len(value) if length is None else length
        head = struct.pack("<HH", group, number)
        if not explicit:
            return head + struct.pack("<I", size) + value
        if vr in (b"SQ", b"OB"):
            return head + vr + b"\0\0" + struct.pack("<I", size) + value
        return head + vr + struct.pack("<H", size) + value

    inner = element(0x28, 0x10, b"US", b"\2\0") + element(0x28, 0x11, b"US", b"\2\0")
    unknown = 0xFFFFFFFF if pixels.startswith(b"\xfe\xff") else None
    inner += element(0x7FE0, 0x10, b"OB", pixels, unknown)
    item = b"\xfe\xff\x00\xe0" + struct.pack("<I", len(inner) + item_off) + inner
    icon = element(0x88, 0x0200, b"SQ", item, len(item) + sequence_off)
    shape = element(0x2050, 0x20, b"CS", b"IDENTITY")
    data = path.read_bytes()
    at = data.index(b"\xe0\x7f\x10\x00")
    path.write_bytes(data[:at] + icon + shape + data[at:])
    return path


ENCAPSULATED = (
    b"\xfe\xff\x00\xe0\0\0\0\0\xfe\xff\x00\xe0\x04\0\0\0\xff\xd8\xff\xd9\xfe\xff\xdd\xe0\0\0\0\0"
)


@pytest.mark.parametrize("syntax", SYNTAXES[:2], ids=lambda syntax: syntax.name)
@pytest.mark.parametrize("pixels", [ENCAPSULATED, bytes(20)], ids=["encapsulated", "native"])
@pytest.mark.parametrize("off", [-24, -8, -7, 0, 5, 24, 60, 10_000])
@pytest.mark.parametrize("tags", [None, ["Rows", "Modality", "PresentationLUTShape"]])
def test_an_icon_of_a_wrong_length_does_not_hide_the_pixels(tmp_path, syntax, pixels, off, tags):
    path = write(tmp_path / "a.dcm", syntax)
    with_icon(path, syntax, sequence_off=off, item_off=off, pixels=pixels)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with open_dicom(path, tags=tags) as (header, element):
            assert (header.Rows, header.Modality) == (8, "MG")
            assert np.array_equal(np.frombuffer(element.read(0, 128), "<u2"), PIXELS.ravel())
    if off != 60:  # which ends within the value of the pixels' own element
        assert header.get("PresentationLUTShape") == "IDENTITY"
    if off == 10_000:
        assert any("Icon Image Sequence has a wrong length" in str(w.message) for w in caught)


@pytest.mark.parametrize("off", [-24, -8, -1, 1, 8, 24, 101, 100_000])
@pytest.mark.parametrize("keyword", ["VOILUTSequence", "AnatomicRegionSequence"])
def test_a_sequence_of_a_wrong_length_is_left_out_and_nothing_else(tmp_path, keyword, off):
    item = Dataset()
    item.CodeMeaning = "BREAST BREAST BREAST"
    path = write(tmp_path / "a.dcm", SYNTAXES[1], **{keyword: [item]})
    data = path.read_bytes()
    at = data.index(b"SQ\0\0") + 4
    (length,) = struct.unpack_from("<I", data, at)
    path.write_bytes(data[:at] + struct.pack("<I", length + off) + data[at + 4 :])
    tags = ["Rows", "Modality", "PatientID", keyword]
    with (
        pytest.warns(UserWarning, match="Sequence has a wrong length: left out"),
        open_dicom(path, tags=tags) as (header, element),
    ):
        assert (header.Rows, header.Modality, header.PatientID) == (8, "MG", "w1")
        assert np.array_equal(np.frombuffer(element.read(0, 128), "<u2"), PIXELS.ravel())


def test_without_its_modality_lut_a_file_is_an_error(tmp_path):
    item = Dataset()
    item.LUTExplanation = "x" * 40
    path = write(tmp_path / "a.dcm", SYNTAXES[1], ModalityLUTSequence=[item])
    data = path.read_bytes()
    at = data.index(b"SQ\0\0") + 4
    path.write_bytes(data[:at] + struct.pack("<I", 30) + data[at + 4 :])
    with pytest.raises(ValueError, match="Modality LUT Sequence has a wrong length"):
        read_dicom(path, header_only=True, tags=["Rows"])


def test_sequences_nested_without_end_are_an_error(tmp_path):
    path = write_mammogram(tmp_path / "a.dcm", syntax=ImplicitVRLittleEndian)
    item = b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    nested = (b"\x08\x00\x40\x11\xff\xff\xff\xff" + item) * 100_000
    data = path.read_bytes()
    at = data.index(b"\x18\x00\x64\x11")  # Imager Pixel Spacing
    path.write_bytes(data[:at] + nested + data[at:])
    with pytest.raises((RecursionError, OSError, ValueError)):
        read_dicom(path, header_only=True)


@pytest.mark.parametrize("start", [b"", b"id;name\n1;2\n", b"\x89PNG\r\n\x1a\n", bytes(200)])
def test_what_does_not_begin_like_dicom_is_none(tmp_path, start):
    path = tmp_path / "a"
    path.write_bytes(start)
    assert not is_dicom(path)
