"""Bits Allocated, Bits Stored, High Bit and sign, and pixels that do not keep to them."""

import imagecodecs
import numpy as np
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000, JPEG2000Lossless, JPEGExtended12Bit

from pipeline.dicom.pixel_range import pixel_format
from pipeline.dicom.stored_pixels import decode
from pipeline.dicom.unusable import Unusable
from tests.dicom.encoded_frames import PIXELS
from tests.dicom_samples import mammogram_dataset, pixel_element


def decoded(pixels, *, frame: bytes | None = None, syntax=JPEG2000Lossless, trust=(), **values):
    if frame is not None:
        values["PixelData"] = encapsulate([frame])
    dataset = mammogram_dataset(np.asarray(pixels), **values)
    if frame is not None:
        dataset.file_meta.TransferSyntaxUID = syntax
    return decode(dataset, pixel_element(dataset), pixel_format(dataset), trust=trust)


def jpeg2000(pixels: np.ndarray, **options) -> bytes:
    return imagecodecs.jpeg2k_encode(pixels, codecformat="J2K", **options)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_the_largest_value_of_each_number_of_bits_is_read(bits):
    dtype = np.uint8 if bits == 8 else np.uint16
    pixels = np.array([[0, 1, (1 << bits) - 1, 0]], dtype)
    stored = decoded(pixels, BitsStored=bits)
    np.testing.assert_array_equal(stored.pixels, pixels)
    assert (stored.pixels.dtype, stored.bits) == (dtype, bits)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"BitsStored": 20}, "disagree"),
        ({"BitsAllocated": 12, "BitsStored": 12}, "Bits Allocated must be 8 or 16, not 12"),
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


@pytest.mark.parametrize("high_bit", [13, 15])
def test_a_high_bit_above_the_usual_is_shifted_down(high_bit):
    shift = high_bit - 11
    stored = decoded(PIXELS << shift, BitsStored=12, HighBit=high_bit)
    np.testing.assert_array_equal(stored.pixels, PIXELS)
    assert stored.notes == [f"High Bit {high_bit}: shifted by {shift}"]


def test_signed_values_at_the_top_of_the_word_are_shifted_down():
    stored = decoded(np.array([[-2, 3]], np.int16) << 4, BitsStored=12, HighBit=15)
    np.testing.assert_array_equal(stored.pixels, [[4094, 3]])


def test_values_beyond_bits_stored_fail():
    with pytest.raises(Unusable, match="values up to 3835 do not fit Bits Stored 10"):
        decoded(PIXELS, BitsStored=10)


def test_bits_above_the_pixels_that_belong_to_an_overlay_are_dropped():
    overlay = PIXELS | (1 << 12)
    group = mammogram_dataset(overlay, BitsStored=12)
    group.add_new(0x60000102, "US", 12)
    stored = decode(group, pixel_element(group), pixel_format(group))
    np.testing.assert_array_equal(stored.pixels, PIXELS)


def test_signed_pixels_keep_their_bits():
    stored = decoded(np.array([[-2, 3]], np.int16), BitsStored=12)
    np.testing.assert_array_equal(stored.pixels, [[4094, 3]])
    assert stored.signed


def test_signed_pixels_may_leave_the_bits_above_them_empty():
    pixels = np.array([[0xFFE, 3]], np.uint16)  # -2 in 12 bits
    stored = decoded(pixels, BitsStored=12, PixelRepresentation=1)
    np.testing.assert_array_equal(stored.pixels, [[4094, 3]])


@pytest.mark.parametrize("pixels", [[[-2, 2048]], [[-2049, 3]]])
def test_signed_values_beyond_bits_stored_fail(pixels):
    with pytest.raises(Unusable, match="do not fit Bits Stored 12, signed"):
        decoded(np.array(pixels, np.int16), BitsStored=12)


def test_a_signed_jpeg_2000_stream_keeps_its_sign():
    pixels = np.arange(-300, 468, dtype=np.int16).reshape(32, 24)
    stored = decoded(pixels, frame=jpeg2000(pixels, reversible=True), BitsStored=12)
    np.testing.assert_array_equal(stored.pixels, pixels & 4095)


def test_a_signed_stream_in_an_unsigned_image_fails():
    pixels = np.arange(-300, 468, dtype=np.int16).reshape(32, 24)
    frame = jpeg2000(pixels, reversible=True)
    with pytest.raises(Unusable, match="holds negative values, the header says unsigned"):
        decoded(PIXELS, frame=frame, BitsStored=12)


@pytest.mark.parametrize("precision", [12, 16])
def test_the_header_says_which_sign_a_stream_has_where_nothing_is_torn(precision):
    """A writer that hands over unsigned values as if the highest bit were a sign."""
    wrapped = np.where(PIXELS >= 2048, PIXELS.astype(np.int32) - 4096, PIXELS).astype(np.int16)
    frame = jpeg2000(wrapped, reversible=True, bitspersample=precision)
    stored = decoded(PIXELS, frame=frame, BitsStored=12)
    np.testing.assert_array_equal(stored.pixels, PIXELS)
    assert stored.notes == [
        "the stream says signed, Pixel Representation unsigned: taken as unsigned"
    ]


def test_a_stream_without_a_sign_is_signed_where_the_header_says_so():
    pixels = np.arange(-300, 468, dtype=np.int16).reshape(32, 24)
    wrapped = (pixels & 4095).astype(np.uint16)
    frame = jpeg2000(wrapped, reversible=True, bitspersample=12)
    stored = decoded(pixels, frame=frame, BitsStored=16)
    np.testing.assert_array_equal(stored.pixels.view(np.int16), pixels)
    assert "taken as signed" in stored.notes[0]


def test_values_without_a_sign_stay_so_where_a_sign_would_tear_the_picture():
    frame = jpeg2000(PIXELS, reversible=True, bitspersample=12)
    stored = decoded(PIXELS.astype(np.int16), frame=frame, BitsStored=16)
    np.testing.assert_array_equal(stored.pixels, PIXELS)
    assert stored.notes == []


def test_the_sign_of_the_header_can_be_trusted():
    pixels = np.arange(-300, 468, dtype=np.int16).reshape(32, 24)
    frame = jpeg2000(pixels, reversible=True)
    with pytest.raises(Unusable, match=r"SET=dicom\.trust=pixel_representation"):
        decoded(PIXELS, frame=frame, BitsStored=12)
    stored = decoded(PIXELS, frame=frame, BitsStored=12, trust=("pixel_representation",))
    np.testing.assert_array_equal(stored.pixels, pixels & 4095)


@pytest.mark.parametrize(
    ("pixels", "bits"),
    [
        (np.array([[0, 3600]], np.uint16), 12),
        (np.array([[-5, 3600]], np.int16), 13),
        (np.array([[5, 3600]], np.int16), 13),
        (np.array([[-600, 3]], np.int16), 11),
    ],
)
def test_values_can_be_trusted_over_bits_stored(pixels, bits):
    with pytest.raises(Unusable, match=r"SET=dicom\.trust=values"):
        decoded(pixels, BitsStored=10)
    stored = decoded(pixels, BitsStored=10, trust=("values",))
    assert stored.bits == bits
    np.testing.assert_array_equal(stored.pixels, pixels.view(np.uint16) & ((1 << bits) - 1))
    assert f"do not fit Bits Stored 10: taken as {bits} bit" in stored.notes[0]


def test_values_that_fit_are_the_same_with_trust():
    stored = decoded(PIXELS, BitsStored=12, trust=("values", "pixel_representation"))
    assert (stored.bits, stored.notes) == (12, [])


def test_a_stream_of_more_bits_than_the_header_says_fails():
    with pytest.raises(Unusable, match="values up to 3835 do not fit Bits Stored 10"):
        decoded(PIXELS, frame=jpeg2000(PIXELS, reversible=True), BitsStored=10)


def test_a_lossy_overshoot_is_clipped_and_noted():
    pixels = np.full((32, 24), 1010, np.uint16)
    pixels[:, 12:] = 1030
    frame = imagecodecs.jpeg8_encode(pixels, level=100, bitspersample=12)
    stored = decoded(pixels, frame=frame, syntax=JPEGExtended12Bit, BitsStored=10)
    assert stored.pixels.max() == 1023
    assert "clipped to Bits Stored 10" in stored.notes[0]


def test_a_signed_overshoot_is_clipped_and_does_not_turn_negative():
    pixels = np.full((32, 24), 2040, np.int16)
    pixels[:, 12:], pixels[0, 0] = 2060, -2040
    stored = decoded(pixels, frame=jpeg2000(pixels), syntax=JPEG2000, BitsStored=12)
    assert stored.pixels[31, 23] == 2047
    assert "clipped to Bits Stored 12, signed" in stored.notes[0]


@pytest.mark.parametrize(("bits", "high_bit"), [(12, 5), (16, 11), (12, 16), (12, 200)])
def test_a_high_bit_that_cannot_be_is_noted(bits, high_bit):
    stored = decoded(PIXELS, BitsStored=bits, HighBit=high_bit)
    np.testing.assert_array_equal(stored.pixels, PIXELS)
    assert stored.notes == [f"High Bit {high_bit} cannot be: taken as {bits - 1}"]


def test_values_that_were_not_shifted_to_their_high_bit_are_not_shifted_back():
    stored = decoded(np.array([[1, 5, 4000]], np.uint16), BitsStored=12, HighBit=15)
    assert stored.pixels.tolist() == [[1, 5, 4000]]
    assert stored.notes == ["High Bit 15 cannot be: taken as 11"]


def test_values_that_a_sign_would_tear_have_none():
    ramp = np.tile(np.arange(1000, 3000, 10, dtype=np.uint16), (4, 1))
    stored = decoded(ramp, BitsStored=12, PixelRepresentation=1)
    np.testing.assert_array_equal(stored.pixels, ramp)
    assert stored.signed is False
    assert stored.notes == [
        "Pixel Representation says signed, which would tear the picture: unsigned"
    ]


def a_slope(first: int, last: int, dtype) -> np.ndarray:
    return np.tile(np.linspace(first, last, 800).astype(dtype), (16, 1))


@pytest.mark.parametrize(
    ("pixels", "said", "doubted"),
    [
        (a_slope(-500, 3000, np.int16), 0, "unsigned"),
        (a_slope(30000, 36000, np.uint16), 1, "signed"),
        (a_slope(-500, 3000, np.int16), 1, ""),
        (a_slope(30000, 36000, np.uint16), 0, ""),
        (np.where(a_slope(0, 1, np.uint16), a_slope(0, 3000, np.uint16), 65535), 0, ""),
    ],
)
def test_values_of_16_bit_at_both_ends_of_their_range_are_doubted(pixels, said, doubted):
    pixels = pixels.astype(pixels.dtype.type)
    notes = decoded(pixels, BitsStored=16, PixelRepresentation=said).notes
    assert [f"not {doubted}:" in note for note in notes] == [True] * bool(doubted)
