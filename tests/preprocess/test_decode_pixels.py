import hashlib

import imagecodecs
import numpy as np
import pytest
from dicom_samples import mammogram_dataset, pixel_element
from pydicom.encaps import encapsulate
from pydicom.uid import (
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from pipeline.ingest.dicom_file import read_dicom
from pipeline.preprocess.dicom.codecs import stream_info
from pipeline.preprocess.dicom.decode import decode, pixel_format
from pipeline.preprocess.dicom.unusable import Unusable

PIXELS = (np.arange(32 * 24).reshape(32, 24) * 5).astype(np.uint16)  # below 2^12


def decoded(dataset):
    return decode(dataset, pixel_element(dataset), pixel_format(dataset))


def encapsulated(frame: bytes, syntax, pixels=PIXELS, **values):
    values = {"BitsStored": 12} | values
    dataset = mammogram_dataset(pixels, PixelData=encapsulate([frame]), **values)
    dataset.file_meta.TransferSyntaxUID = syntax
    return dataset


def rle(pixels: np.ndarray) -> bytes:
    """PS3.5 annex G by literal runs: high bytes, then low bytes."""
    segments = []
    for plane in (pixels >> 8, pixels & 0xFF):
        data = plane.astype(np.uint8).tobytes()
        runs = [data[i : i + 128] for i in range(0, len(data), 128)]
        segments.append(b"".join(bytes([len(run) - 1]) + run for run in runs))
    offsets = [64, 64 + len(segments[0])] + [0] * 13
    return np.array([2, *offsets], "<u4").tobytes() + b"".join(segments)


LOSSLESS = {
    "JPEG lossless": (JPEGLosslessSV1, lambda p: imagecodecs.ljpeg_encode(p, bitspersample=12)),
    "JPEG-LS": (JPEGLSLossless, imagecodecs.jpegls_encode),
    "JPEG 2000": (
        JPEG2000Lossless,
        lambda p: imagecodecs.jpeg2k_encode(p, codecformat="J2K", reversible=True),
    ),
    "HTJ2K": (HTJ2KLossless, lambda p: imagecodecs.htj2k_encode(p, reversible=True)),
    "RLE": (RLELossless, rle),
}


@pytest.mark.parametrize("codec", LOSSLESS)
def test_lossless_codecs_give_the_pixels_back(codec):
    syntax, encode = LOSSLESS[codec]
    stored = decoded(encapsulated(encode(PIXELS), syntax))
    np.testing.assert_array_equal(stored.pixels, PIXELS)
    assert stored.codec == codec
    assert stored.notes == []


def test_uncompressed_pixels_come_back():
    stored = decoded(mammogram_dataset(PIXELS, BitsStored=12))
    np.testing.assert_array_equal(stored.pixels, PIXELS)
    assert stored.codec == "uncompressed"


def test_12_bit_jpeg_comes_back_within_its_loss():
    frame = imagecodecs.jpeg8_encode(PIXELS, level=98, bitspersample=12)
    stored = decoded(encapsulated(frame, JPEGExtended12Bit))
    assert stored.codec == "JPEG extended"
    assert np.abs(stored.pixels.astype(int) - PIXELS).max() <= 40


def test_a_wrong_transfer_syntax_is_seen_by_the_bytes_and_noted():
    stored = decoded(encapsulated(imagecodecs.jpegls_encode(PIXELS), JPEG2000Lossless))
    np.testing.assert_array_equal(stored.pixels, PIXELS)
    assert stored.codec == "JPEG-LS"
    assert "is JPEG-LS" in stored.notes[0]


def test_uncompressed_pixels_with_a_compressed_label_are_read_and_noted():
    dataset = mammogram_dataset(PIXELS, BitsStored=12)
    dataset.file_meta.TransferSyntaxUID = JPEGLSLossless
    stored = decoded(dataset)
    np.testing.assert_array_equal(stored.pixels, PIXELS)
    assert "is uncompressed" in stored.notes[0]


def test_a_stream_of_another_size_is_refused_before_it_is_decoded():
    frame = imagecodecs.jpegls_encode(np.zeros((64, 64), np.uint16))
    with pytest.raises(Unusable, match="64 x 64 pixels, the header says 32 x 24"):
        decoded(encapsulated(frame, JPEGLSLossless))


def test_a_stream_that_is_cut_off_fails():
    frame = imagecodecs.jpegls_encode(PIXELS)
    with pytest.raises(Unusable, match="has no end"):
        decoded(encapsulated(frame[: len(frame) // 2], JPEGLSLossless))


def test_uncompressed_pixels_that_are_cut_off_fail():
    with pytest.raises(Unusable, match=r"cut off: 100 of 1536 bytes"):
        decoded(mammogram_dataset(PIXELS, PixelData=PIXELS.tobytes()[:100]))


def test_values_beyond_bits_stored_fail():
    with pytest.raises(Unusable, match="values up to 3835 do not fit Bits Stored 10"):
        decoded(mammogram_dataset(PIXELS, BitsStored=10))


def test_a_lossy_overshoot_is_clipped_and_noted():
    pixels = np.full((32, 24), 1010, np.uint16)
    pixels[:, 12:] = 1030
    frame = imagecodecs.jpeg8_encode(pixels, level=100, bitspersample=12)
    stored = decoded(encapsulated(frame, JPEGExtended12Bit, pixels, BitsStored=10))
    assert stored.pixels.max() == 1023
    assert "clipped" in stored.notes[0]


def test_a_high_bit_above_the_usual_is_shifted_down():
    stored = decoded(mammogram_dataset(PIXELS << 4, BitsStored=12, HighBit=15))
    np.testing.assert_array_equal(stored.pixels, PIXELS)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"BitsStored": 12, "HighBit": 5}, "disagree"),
        ({"BitsStored": 20}, "disagree"),
        ({"BitsAllocated": 32, "BitsStored": 32}, "Bits Allocated must be 8 or 16, not 32"),
        ({"Rows": 0}, "Rows is missing or not positive"),
        ({"BitsStored": None}, "BitsStored is missing"),
    ],
)
def test_a_contradictory_description_of_the_pixels_fails(values, message):
    dataset = mammogram_dataset(PIXELS)
    for keyword, value in values.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    if "HighBit" not in values and values.get("BitsStored"):
        dataset.HighBit = values["BitsStored"] - 1
    with pytest.raises(Unusable, match=message):
        pixel_format(dataset)


def test_signed_pixels_keep_their_bits():
    pixels = np.array([[-2, 3]], np.int16)
    stored = decoded(mammogram_dataset(pixels, BitsStored=12))
    np.testing.assert_array_equal(stored.pixels, [[4094, 3]])
    assert stored.signed


def test_missing_pixels_fail():
    with pytest.raises(Unusable, match="Pixel Data is missing"):
        decoded(mammogram_dataset(PIXELS, PixelData=b""))


def test_a_jpeg_label_on_a_stream_of_no_known_kind_fails():
    with pytest.raises(Unusable, match="no JPEG, JPEG-LS, JPEG 2000 or RLE stream"):
        decoded(encapsulated(b"rubbish" * 20, JPEGBaseline8Bit))


def test_a_jpeg_header_without_a_frame_is_refused():
    with pytest.raises(ValueError, match="without a frame header"):
        stream_info(b"\xff\xd8\xff\xe0\x00\x10" + bytes(14))
    with pytest.raises(ValueError, match="a broken header"):
        stream_info(b"\xff\xd8\xff\xe0\x00\x10" + bytes(40))


def test_one_ct_image_is_the_same_in_all_lossless_transfer_syntaxes(mammo_data):
    names = (
        "BigEndianExplicit",
        "DeflatedExplicitVRLittleEndian",
        "LittleEndianImplicit",
        "RLELossless",
        "JPEGProcess14SV1",
        "JPEGLSLossless",
        "JPEG2000LosslessOnly",
    )
    hashes = {}
    for name in names:
        path = min((mammo_data / "dicom-files").glob(f"*CTImage.dcm_{name}*"))
        dataset = read_dicom(path, header_only=False, max_bytes=2**24)
        hashes[name] = hashlib.sha256(decoded(dataset).pixels.tobytes()).hexdigest()
    assert len(set(hashes.values())) == 1, hashes
