"""What is written is read back, and the same arguments give the same bytes."""

import numpy as np
import pytest
from pydicom import dcmread

from pipeline.config import DicomSettings
from pipeline.dicom.mammogram import read_mammogram
from pipeline.dicom.write import ENCODINGS, wrap_as_dicom, write_picture
from pipeline.dicom.write_synthetic import write_synthetic

PIXELS = np.random.default_rng(0).integers(0, 4096, (24, 16)).astype(np.uint16)
WOMAN = {"patient_id": "SYNTHETIC-0007", "laterality": "R", "view": "MLO", "spacing_mm": 0.1}
FILM = {"image_id": "f1", "patient_id": "w1", "laterality": "L", "view": "CC", "spacing_mm": 0.05}


def read(path):
    return read_mammogram(path, settings=DicomSettings(), keep_stored=True)


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("encoding", [name for name in ENCODINGS if name != "jpeg_ls"])
def test_a_synthetic_mammogram_is_read_back(tmp_path, encoding, inverted):
    path = tmp_path / "a.dcm"
    write_synthetic(path, PIXELS, **WOMAN, encoding=encoding, inverted=inverted)
    mammogram = read(path)
    np.testing.assert_allclose(mammogram.pixels, PIXELS / 4095, atol=1e-6)
    assert (mammogram.laterality, mammogram.view, mammogram.spacing_mm) == ("R", "MLO", 0.1)
    assert mammogram.polarity == ("MONOCHROME1" if inverted else "MONOCHROME2")
    assert mammogram.notes == []


def test_elements_of_a_synthetic_mammogram_may_be_changed_or_left_out(tmp_path):
    changes = {"PatientID": "p", "SOPClassUID": None, "WindowWidth": 100}
    write_synthetic(tmp_path / "a.dcm", PIXELS, **WOMAN, changes=changes)
    written = dcmread(tmp_path / "a.dcm")
    assert (written.PatientID, written.WindowWidth) == ("p", 100)
    assert "SOPClassUID" not in written
    assert written.file_meta.MediaStorageSOPClassUID == "1.2.840.10008.5.1.4.1.1.1.2"


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_wrapped_film_is_read_back(tmp_path, dtype):
    path = tmp_path / "new" / "a.dcm"
    pixels = PIXELS.astype(dtype)
    wrap_as_dicom(pixels, path, **FILM)
    mammogram = read(path)
    np.testing.assert_array_equal(mammogram.stored, pixels)
    assert mammogram.spacing_source == "Nominal Scanned Pixel Spacing"
    assert (mammogram.laterality, mammogram.view) == ("L", "CC")


def test_a_wrapped_film_that_is_there_already_is_left_alone(tmp_path):
    path = tmp_path / "a.dcm"
    wrap_as_dicom(PIXELS, path, **FILM)
    before = path.stat().st_mtime_ns, path.read_bytes()
    wrap_as_dicom(PIXELS, path, **FILM)
    assert (path.stat().st_mtime_ns, path.read_bytes()) == before
    wrap_as_dicom(PIXELS ^ 1, path, **FILM)
    assert path.read_bytes() != before[1]


def test_pixels_of_an_odd_number_of_bytes_are_padded(tmp_path):
    header = {"SOPInstanceUID": "2.25.1"}
    write_picture(tmp_path / "a.dcm", np.ones((3, 3), np.uint8), header)
    assert dcmread(tmp_path / "a.dcm").PixelData == b"\1" * 9 + b"\0"


@pytest.mark.parametrize("pixels", [np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2), np.float32)])
def test_what_is_no_grey_picture_is_refused(tmp_path, pixels):
    with pytest.raises(ValueError, match="must be \\(H, W\\) uint8 or uint16"):
        write_picture(tmp_path / "a.dcm", pixels, {})
