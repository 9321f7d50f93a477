import cv2
import imagecodecs
import numpy as np
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGLosslessSV1, RLELossless

from pipeline.annotations.masks import NoOutline, mask_polygons, read_mask
from tests.dicom_samples import write_mammogram

MASK = np.zeros((40, 30), np.uint8)
MASK[10:20, 5:15] = 255
SQUARE = [[[10.0, 5.0], [19.0, 5.0], [19.0, 14.0], [10.0, 14.0]]]


def compressed(path, frame: bytes, syntax, pixels=MASK):
    return write_mammogram(path, pixels, syntax=syntax, PixelData=encapsulate([frame]))


def test_a_mask_may_be_a_picture(tmp_path):
    path = tmp_path / "mask.png"
    cv2.imwrite(str(path), MASK)
    assert mask_polygons(path, height=40, width=30) == SQUARE


def test_a_mask_may_be_a_dicom_file(tmp_path):
    path = write_mammogram(tmp_path / "mask.dcm", MASK)
    assert mask_polygons(path, height=40, width=30) == SQUARE


def test_a_mask_may_be_compressed_as_mammograms_are(tmp_path):
    frame = imagecodecs.ljpeg_encode(MASK)
    path = compressed(tmp_path / "mask.dcm", frame, JPEGLosslessSV1)
    np.testing.assert_array_equal(read_mask(path), MASK)


def test_a_mask_may_have_one_bit_per_pixel(tmp_path):
    bits = np.packbits(MASK.ravel() > 0, bitorder="little").tobytes()
    values = {"BitsAllocated": 1, "BitsStored": 1, "HighBit": 0, "PixelData": bits}
    path = write_mammogram(tmp_path / "mask.dcm", MASK, **values)
    assert mask_polygons(path, height=40, width=30) == SQUARE


def test_a_mask_may_lack_the_preamble(tmp_path):
    path = write_mammogram(tmp_path / "mask.dcm", MASK)
    path.write_bytes(path.read_bytes()[132:])
    np.testing.assert_array_equal(read_mask(path), MASK)


@pytest.mark.parametrize(
    "values",
    [{"Rows": 60000, "Columns": 60000}, {"NumberOfFrames": 10**6}],
    ids=["rows and columns", "frames"],
)
def test_a_mask_that_announces_too_much_is_not_decoded(tmp_path, values):
    path = write_mammogram(tmp_path / "mask.dcm", MASK, **values)
    with pytest.raises(NoOutline, match="more than 150,000,000 pixels"):
        read_mask(path)


def test_a_damaged_mask_says_so(tmp_path):
    path = compressed(tmp_path / "mask.dcm", b"\2\0\0\0" + bytes(80), RLELossless)
    with pytest.raises(NoOutline, match="cannot be decoded"):
        read_mask(path)


def test_a_missing_mask_says_so(tmp_path):
    with pytest.raises(NoOutline, match="cannot be read: No such file"):
        read_mask(tmp_path / "mask.png")
