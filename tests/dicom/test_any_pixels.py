"""Pixels of what is no mammogram: as stored, whatever their codec, depth and colour."""

import imagecodecs
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000, JPEGExtended12Bit, JPEGLossless

from pipeline.dicom.any_pixels import read_any_pixels
from tests.dicom.encoded_frames import LOSSLESS, PIXELS
from tests.dicom_samples import write_mammogram

COLOUR = np.random.default_rng(0).integers(0, 256, (16, 24, 3)).astype(np.uint8)
RGB = {"SamplesPerPixel": 3, "PlanarConfiguration": 0, "PhotometricInterpretation": "RGB"}


def read(path):
    return read_any_pixels(path, most_pixels=10_000)


def write(path, pixels, frame: bytes, syntax, **values):
    return write_mammogram(path, pixels, syntax=syntax, PixelData=encapsulate([frame]), **values)


@pytest.mark.parametrize("codec", LOSSLESS)
def test_compressed_pixels_come_back(tmp_path, codec):
    syntax, encode = LOSSLESS[codec]
    path = write(tmp_path / "a.dcm", PIXELS, encode(PIXELS), syntax, BitsStored=12)
    np.testing.assert_array_equal(read(path), PIXELS)


def test_12_bit_jpeg_comes_back_within_its_loss(tmp_path):
    smooth = np.add.outer(np.arange(32) * 60, np.arange(24) * 60).astype(np.uint16)
    frame = imagecodecs.jpeg8_encode(smooth, level=98, bitspersample=12)
    path = write(tmp_path / "a.dcm", smooth, frame, JPEGExtended12Bit, BitsStored=12)
    assert np.abs(read(path).astype(int) - smooth).max() <= 8


@pytest.mark.parametrize("syntax", [JPEG2000, JPEGLossless])
def test_signed_values_come_out_signed(tmp_path, syntax):
    pixels = np.arange(-300, 468, dtype=np.int16).reshape(32, 24)
    if syntax == JPEG2000:
        frame = LOSSLESS["JPEG 2000"][1](pixels)
    else:
        frame = imagecodecs.ljpeg_encode((pixels & 4095).astype(np.uint16), bitspersample=12)
    path = write(tmp_path / "a.dcm", pixels, frame, syntax, BitsStored=12)
    np.testing.assert_array_equal(read(path), pixels)


def test_an_8_bit_stream_of_a_16_bit_image_comes_out_whole(tmp_path):
    pixels = PIXELS.astype(np.uint8)
    frame, syntax = imagecodecs.jpegls_encode(pixels), LOSSLESS["JPEG-LS"][0]
    path = write(tmp_path / "a.dcm", PIXELS, frame, syntax, BitsStored=8)
    np.testing.assert_array_equal(read(path), pixels)


@pytest.mark.parametrize("codec", ["JPEG-LS", "JPEG 2000"])
def test_colour_comes_out_pixel_by_pixel(tmp_path, codec):
    syntax, encode = LOSSLESS[codec]
    path = write(tmp_path / "a.dcm", COLOUR[..., 0], encode(COLOUR), syntax, **RGB)
    np.testing.assert_array_equal(read(path), COLOUR)


def test_several_frames_come_out_one_after_the_other(tmp_path):
    syntax, encode = LOSSLESS["JPEG-LS"]
    frames = encapsulate([encode(PIXELS), encode(PIXELS + 1)])
    values = {"PixelData": frames, "NumberOfFrames": 2, "BitsStored": 12}
    path = write_mammogram(tmp_path / "a.dcm", PIXELS, syntax=syntax, **values)
    np.testing.assert_array_equal(read(path), [PIXELS, PIXELS + 1])


def test_a_damaged_stream_is_an_error(tmp_path):
    syntax, encode = LOSSLESS["JPEG-LS"]
    path = write(tmp_path / "a.dcm", PIXELS, encode(PIXELS)[:200], syntax, BitsStored=12)
    with pytest.raises(ValueError, match="has no end"):
        read(path)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"PixelData": b"", "Rows": 101, "Columns": 100}, "more than 10,000 pixels"),
        ({"NumberOfFrames": 1000}, "more than 10,000 pixels"),
    ],
    ids=["rows and columns", "frames"],
)
def test_what_cannot_be_decoded_is_an_error_that_says_so(tmp_path, values, message):
    with pytest.raises(ValueError, match=message):
        read(write_mammogram(tmp_path / "a.dcm", **values))


def test_a_transfer_syntax_that_is_not_known_is_an_error_that_names_it(tmp_path):
    path = write_mammogram(tmp_path / "a.dcm")
    path.write_bytes(path.read_bytes().replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.9.9.9\0"))
    with pytest.raises(ValueError, match=r"its transfer syntax, 1.2.840.10008.9.9.9, is not known"):
        read(path)


def test_an_object_without_pixels_is_an_error_that_names_it(tmp_path):
    kind = "1.2.840.10008.5.1.4.1.1.481.3"
    path = write_mammogram(tmp_path / "a.dcm", SOPClassUID=kind)
    dataset = dcmread(path)
    del dataset.PixelData
    dataset.save_as(path)
    with pytest.raises(ValueError, match=r"no pixels in it \(RT Structure Set Storage\)"):
        read(path)


@pytest.mark.parametrize("side", ["Rows", "Columns"])
def test_an_image_of_no_rows_or_columns_is_an_error(tmp_path, side):
    syntax, encode = LOSSLESS["RLE"]
    path = write(tmp_path / "a.dcm", PIXELS, encode(PIXELS), syntax, **{side: 0})
    with pytest.raises(ValueError, match="there are no pixels in it"):
        read(path)
