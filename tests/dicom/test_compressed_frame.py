"""Single frames: what each codec gives back, and what a damaged one is told apart by."""

import imagecodecs
import numpy as np
import pytest

from pipeline.dicom.compressed_frame import FrameLayout, StreamInfo, decode_frame, stream_info
from tests.dicom.encoded_frames import LOSSLESS, PIXELS, jpeg_lossless, rle

LAYOUT = FrameLayout(32, 24, samples=1, bits_allocated=16)
COLOUR = np.random.default_rng(0).integers(0, 256, (16, 24, 3)).astype(np.uint8)


def frame_of(codec: str) -> bytes:
    return LOSSLESS[codec][1](PIXELS)


@pytest.mark.parametrize("codec", LOSSLESS)
def test_a_lossless_codec_is_recognised_and_gives_the_pixels_back(codec):
    pixels, name = decode_frame(frame_of(codec), LAYOUT)
    np.testing.assert_array_equal(pixels, PIXELS)
    assert name == codec


@pytest.mark.parametrize("precision", [8, 10, 12, 14, 16])
def test_jpeg_lossless_keeps_every_precision(precision):
    dtype = np.uint8 if precision == 8 else np.uint16
    pixels = np.random.default_rng(0).integers(0, 1 << precision, (32, 24)).astype(dtype)
    frame = imagecodecs.ljpeg_encode(pixels, bitspersample=precision)
    np.testing.assert_array_equal(decode_frame(frame, LAYOUT)[0], pixels)
    assert stream_info(frame) == StreamInfo("JPEG lossless", 32, 24, 1, precision)


@pytest.mark.parametrize("restart_rows", [0, 1, 5])
@pytest.mark.parametrize("shift", [0, 2])
def test_jpeg_lossless_may_restart_and_leave_out_bits(restart_rows, shift):
    pixels = np.random.default_rng(0).integers(0, 4096, (32, 24)).astype(np.uint16)
    frame = jpeg_lossless(pixels, precision=12, restart_rows=restart_rows, shift=shift)
    np.testing.assert_array_equal(decode_frame(frame, LAYOUT)[0], pixels >> shift << shift)


def test_jpeg_ls_may_lose_as_much_as_it_says():
    frame = imagecodecs.jpegls_encode(PIXELS, level=3)
    pixels, codec = decode_frame(frame, LAYOUT)
    assert codec == "JPEG-LS"
    assert 0 < np.abs(pixels.astype(int) - PIXELS).max() <= 3


def test_a_jp2_file_around_a_codestream_is_accepted():
    frame = imagecodecs.jpeg2k_encode(PIXELS, codecformat="JP2", reversible=True)
    np.testing.assert_array_equal(decode_frame(frame, LAYOUT)[0], PIXELS)


def test_12_bit_jpeg_comes_back_within_its_loss():
    smooth = np.add.outer(np.arange(32) * 60, np.arange(24) * 60).astype(np.uint16)
    frame = imagecodecs.jpeg8_encode(smooth, level=98, bitspersample=12)
    pixels, codec = decode_frame(frame, LAYOUT)
    assert codec == "JPEG extended"
    assert np.abs(pixels.astype(int) - smooth).max() <= 8


@pytest.mark.parametrize("encode", [LOSSLESS["JPEG 2000"][1], imagecodecs.jpegls_encode, rle])
def test_colour_comes_back_pixel_by_pixel(encode):
    layout = FrameLayout(16, 24, samples=3, bits_allocated=8)
    np.testing.assert_array_equal(decode_frame(encode(COLOUR), layout)[0], COLOUR)


def test_32_bit_rle_comes_back():
    pixels = np.arange(768, dtype=np.uint32).reshape(32, 24) * 5_000_000
    layout = FrameLayout(32, 24, samples=1, bits_allocated=32)
    np.testing.assert_array_equal(decode_frame(rle(pixels), layout)[0], pixels)


def test_an_uncompressed_frame_is_taken_as_it_is():
    pixels, codec = decode_frame(PIXELS.tobytes(), LAYOUT)
    np.testing.assert_array_equal(pixels, PIXELS)
    assert codec == "uncompressed"


@pytest.mark.parametrize("codec", [codec for codec in LOSSLESS if codec != "RLE"])
def test_a_stream_without_its_end_is_refused(codec):
    frame = frame_of(codec)
    with pytest.raises(ValueError, match=f"the {codec} stream has no end: it is cut off"):
        decode_frame(frame[: len(frame) * 2 // 3], LAYOUT)


@pytest.mark.parametrize("codec", [codec for codec in LOSSLESS if codec != "RLE"])
def test_a_stream_that_is_cut_off_and_closed_again_is_refused(codec):
    """Other decoders fill up what is missing; these are chosen because they do not."""
    noise = np.random.default_rng(0).integers(0, 4096, (32, 24)).astype(np.uint16)
    frame = LOSSLESS[codec][1](noise)
    np.testing.assert_array_equal(decode_frame(frame, LAYOUT)[0], noise)
    with pytest.raises((ValueError, RuntimeError)):
        decode_frame(frame[: len(frame) * 2 // 3] + b"\xff\xd9", LAYOUT)


@pytest.mark.parametrize("bits", [8, 12])
def test_what_libjpeg_fills_up_is_seen_from_the_last_block(bits):
    noise = np.random.default_rng(0).integers(0, 1 << bits, (64, 64))
    pixels = noise.astype(np.uint8 if bits == 8 else np.uint16)
    frame = imagecodecs.jpeg8_encode(pixels, level=90, bitspersample=bits)
    layout = FrameLayout(64, 64, samples=1, bits_allocated=16)
    assert decode_frame(frame, layout)[0].shape == (64, 64)
    with pytest.raises(ValueError, match="cut off: its last rows are missing"):
        decode_frame(frame[: len(frame) // 2] + b"\xff\xd9", layout)


def test_padding_after_a_stream_does_not_matter():
    frame = frame_of("JPEG-LS") + bytes(100)
    np.testing.assert_array_equal(decode_frame(frame, LAYOUT)[0], PIXELS)


@pytest.mark.parametrize("codec", [codec for codec in LOSSLESS if codec != "RLE"])
@pytest.mark.parametrize(
    "padding", [bytes(5000), b"\xff" * 40, b"\xff" * 5000, b" " * 5000, bytes(range(250)) * 9]
)
def test_whatever_lies_behind_the_end_marker_is_no_part_of_the_stream(codec, padding):
    notes: list[str] = []
    pixels, _ = decode_frame(frame_of(codec) + padding, LAYOUT, notes)
    np.testing.assert_array_equal(pixels, PIXELS)
    assert notes[0].endswith(f"bytes behind the end of the {codec} stream")


def test_a_byte_that_makes_the_length_even_is_no_note():
    notes: list[str] = []
    decode_frame(frame_of("JPEG-LS") + bytes(1), LAYOUT, notes)
    assert notes == []


def test_the_end_of_a_small_picture_in_front_of_the_pixels_is_not_the_end():
    frame = frame_of("JPEG lossless")
    small = b"\xff\xe1\0\x08\xff\xd8\xff\xda\xff\xd9"  # APP1
    whole = frame[:2] + small + frame[2:]
    np.testing.assert_array_equal(decode_frame(whole, LAYOUT)[0], PIXELS)
    with pytest.raises(ValueError, match="has no end: it is cut off"):
        decode_frame(whole[: len(whole) * 2 // 3], LAYOUT)


def test_an_rle_segment_may_end_with_a_byte_that_is_no_run():
    # 0x20 announces 33 bytes that are not there; some writers pad with it.
    np.testing.assert_array_equal(decode_frame(rle(PIXELS) + b"\x20", LAYOUT)[0], PIXELS)


def test_an_rle_frame_that_is_cut_off_is_refused():
    with pytest.raises(ValueError, match="segment is damaged or cut off: it must hold 768"):
        decode_frame(rle(PIXELS)[:-300], LAYOUT)


def test_a_stream_of_another_size_is_refused_before_it_is_decoded():
    frame = imagecodecs.jpegls_encode(np.zeros((64, 64), np.uint16))
    with pytest.raises(ValueError, match="64 x 64 pixels, the header says 32 x 24"):
        decode_frame(frame, LAYOUT)


def test_a_stream_with_other_components_is_refused():
    layout = FrameLayout(16, 24, samples=1, bits_allocated=8)
    with pytest.raises(ValueError, match="has 3 components, not 1"):
        decode_frame(imagecodecs.jpegls_encode(COLOUR), layout)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (b"rubbish" * 20, "no JPEG, JPEG-LS, JPEG 2000 or RLE stream"),
        (b"", "no JPEG, JPEG-LS, JPEG 2000 or RLE stream"),
        (imagecodecs.jpegxl_encode(PIXELS), "JPEG XL stream, which is not supported"),
        (b"\xff\xd8\xff\xca\0\x0b" + bytes(20), "an unsupported kind"),
        (b"\xff\xd8\xff\xe0\0\x10" + bytes(14), "without a frame header"),
        (b"\xff\xd8\xff\xe0\0\x10" + bytes(40), "a broken header"),
        (b"\xff\x4f\xff\x51" + bytes(20), "cut off in its header"),
        (b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(60), "a JP2 file without a codestream"),
    ],
    ids=[
        "rubbish",
        "nothing",
        "JPEG XL",
        "arithmetic JPEG",
        "no JPEG frame",
        "JPEG markers",
        "JPEG 2000",
        "JP2",
    ],
)
def test_what_is_no_stream_of_a_known_kind_says_what_it_is(frame, message):
    with pytest.raises(ValueError, match=message):
        decode_frame(frame, LAYOUT)
