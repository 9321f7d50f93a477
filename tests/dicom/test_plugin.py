import imagecodecs
import numpy as np
import pytest
from pydicom.encaps import encapsulate
from pydicom.pixels import get_decoder, pixel_array
from pydicom.uid import JPEG2000, JPEGExtended12Bit, JPEGLossless

from pipeline.dicom.opening import read_dicom
from pipeline.dicom.plugin import NAME, SYNTAXES, is_available, register_decoders
from tests.dicom.encoded_frames import LOSSLESS, PIXELS
from tests.dicom_samples import write_mammogram

COLOUR = np.random.default_rng(0).integers(0, 256, (16, 24, 3)).astype(np.uint8)


def read_back(path, pixels, frame: bytes, syntax, **values):
    values = {"PixelData": encapsulate([frame]), **values}
    write_mammogram(path, pixels, syntax=syntax, **values)
    return read_dicom(path, header_only=False)


def test_the_plugin_is_there_for_every_transfer_syntax_that_it_names():
    register_decoders()
    register_decoders()
    for syntax in SYNTAXES:
        assert get_decoder(syntax).available_plugins.count(NAME) == 1
    assert not is_available("1.2.840.10008.1.2.4.100")


@pytest.mark.parametrize("codec", LOSSLESS)
def test_pydicom_decodes_with_it(tmp_path, codec):
    syntax, encode = LOSSLESS[codec]
    dataset = read_back(tmp_path / "a.dcm", PIXELS, encode(PIXELS), syntax, BitsStored=12)
    np.testing.assert_array_equal(pixel_array(dataset, decoding_plugin=NAME), PIXELS)


def test_pydicom_decodes_with_it_unasked_what_no_other_plugin_here_can(tmp_path):
    frame = LOSSLESS["JPEG lossless"][1](PIXELS)
    dataset = read_back(tmp_path / "a.dcm", PIXELS, frame, JPEGLossless, BitsStored=12)
    np.testing.assert_array_equal(dataset.pixel_array, PIXELS)


def test_pydicom_decodes_12_bit_jpeg_with_it(tmp_path):
    smooth = np.add.outer(np.arange(32) * 60, np.arange(24) * 60).astype(np.uint16)
    frame = imagecodecs.jpeg8_encode(smooth, level=98, bitspersample=12)
    dataset = read_back(tmp_path / "a.dcm", smooth, frame, JPEGExtended12Bit, BitsStored=12)
    assert np.abs(dataset.pixel_array.astype(int) - smooth).max() <= 8


def test_signed_values_come_out_signed(tmp_path):
    pixels = np.arange(-300, 468, dtype=np.int16).reshape(32, 24)
    frame = LOSSLESS["JPEG 2000"][1](pixels)
    dataset = read_back(tmp_path / "a.dcm", pixels, frame, JPEG2000, BitsStored=12)
    np.testing.assert_array_equal(pixel_array(dataset, decoding_plugin=NAME), pixels)


def test_an_8_bit_stream_of_a_16_bit_image_comes_out_whole(tmp_path):
    pixels = PIXELS.astype(np.uint8)
    frame = imagecodecs.jpegls_encode(pixels)
    dataset = read_back(tmp_path / "a.dcm", PIXELS, frame, LOSSLESS["JPEG-LS"][0], BitsStored=8)
    np.testing.assert_array_equal(pixel_array(dataset, decoding_plugin=NAME), pixels)


@pytest.mark.parametrize("codec", ["JPEG-LS", "JPEG 2000"])
def test_colour_comes_out_pixel_by_pixel(tmp_path, codec):
    syntax, encode = LOSSLESS[codec]
    colour = {
        "SamplesPerPixel": 3,
        "PlanarConfiguration": 0,
        "PhotometricInterpretation": "YBR_RCT" if codec == "JPEG 2000" else "RGB",
    }
    dataset = read_back(tmp_path / "a.dcm", COLOUR[..., 0], encode(COLOUR), syntax, **colour)
    np.testing.assert_array_equal(pixel_array(dataset, decoding_plugin=NAME), COLOUR)


def test_colour_that_the_decoder_undid_is_called_rgb(tmp_path):
    syntax, encode = LOSSLESS["JPEG 2000"]
    colour = {
        "SamplesPerPixel": 3,
        "PlanarConfiguration": 0,
        "PhotometricInterpretation": "YBR_RCT",
    }
    dataset = read_back(tmp_path / "a.dcm", COLOUR[..., 0], encode(COLOUR), syntax, **colour)
    _, said = get_decoder(syntax).as_array(dataset, decoding_plugin=NAME)
    assert said["photometric_interpretation"] == "RGB"


def test_a_damaged_stream_is_an_error(tmp_path, caplog):
    frame = LOSSLESS["JPEG-LS"][1](PIXELS)[:200]
    dataset = read_back(tmp_path / "a.dcm", PIXELS, frame, LOSSLESS["JPEG-LS"][0], BitsStored=12)
    with pytest.raises(RuntimeError, match="has no end"):
        pixel_array(dataset, decoding_plugin=NAME)
    assert "has no end" in caplog.text
