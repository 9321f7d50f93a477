"""What a header says of a file, for whoever sorts files and for people."""

import struct

import numpy as np
import pytest

from pipeline.dicom.header import DICOMDIR, Header, described, read_header
from tests.dicom_samples import write_mammogram

PIXELS = np.zeros((6, 4), np.uint16)


def test_a_header_names_patient_side_view_and_size(tmp_path):
    path = write_mammogram(
        tmp_path / "a.dcm",
        PIXELS,
        PatientID="Calc-Test_P_00038_LEFT_CC ",
        StudyInstanceUID="2.25.2",
        SeriesInstanceUID="2.25.3",
        ViewPosition="MLO",
    )
    header = read_header(path)
    assert header.patient_id == "Calc-Test_P_00038_LEFT_CC"
    assert (header.laterality, header.view) == ("L", "MLO")
    assert (header.study_uid, header.series_uid) == ("2.25.2", "2.25.3")
    assert header.sop_class == "1.2.840.10008.5.1.4.1.1.1.2"
    assert (header.shape, header.spacing_mm, header.is_directory) == ((6, 4), 0.1, False)


@pytest.mark.parametrize(
    ("text", "name"),
    [("w1 ", "w1"), ("HOSP_000101", "HOSP_000101"), ("GRP_00042", "GRP_00042"), ("", "")],
)
def test_the_patient_id_is_taken_as_it_stands(tmp_path, text, name):
    header = read_header(write_mammogram(tmp_path / "a.dcm", PIXELS, PatientID=text))
    assert header.patient_id == name


def test_what_is_not_there_is_blank_or_none(tmp_path):
    values = dict.fromkeys(["PatientID", "ImageLaterality", "ViewPosition", "StudyInstanceUID"])
    values |= {"Rows": None, "ImagerPixelSpacing": None}
    header = read_header(write_mammogram(tmp_path / "a.dcm", PIXELS, **values))
    said = {"sop_class": header.sop_class, "instance_uid": header.instance_uid, "modality": "MG"}
    assert header == Header(**said)


def test_an_element_that_is_broken_leaves_the_others(tmp_path):
    path = write_mammogram(tmp_path / "a.dcm", PIXELS)
    data = path.read_bytes()
    at = data.index(struct.pack("<HH", 0x0018, 0x1164)) + 8  # Imager Pixel Spacing, as text
    path.write_bytes(data[:at] + b"0.1x" + data[at + 4 :])
    header = read_header(path)
    assert (header.spacing_mm, header.patient_id, header.shape) == (None, "w1", (6, 4))


def test_a_damaged_header_is_none(tmp_path):
    path = write_mammogram(tmp_path / "a.dcm", PIXELS)
    meta = b"\x02\x00\x01\x00OB\0\0\xff\xff\xff\xff"  # a group 0002 without end
    path.write_bytes(path.read_bytes()[:132] + meta)
    assert read_header(path) is None


def test_a_list_of_files_is_known_by_its_kind(tmp_path):
    assert read_header(write_mammogram(tmp_path / "DICOMDIR", SOPClassUID=DICOMDIR)).is_directory


def test_the_header_names_its_syntax_and_what_is_not_there_is_blank(tmp_path):
    facts = described(write_mammogram(tmp_path / "a.dcm", PIXELS, BitsStored=12))
    assert facts["transfer syntax"] == "Explicit VR Little Endian (1.2.840.10008.1.2.1)"
    assert facts["bits"] == "12 of 16, high bit 11, unsigned"
    assert facts["pixels"] == "6 rows x 4 columns"
    assert facts["intent"] == facts["frames"] == ""
