"""Frames of encapsulated pixels, whatever their fragments and offset tables look like."""

import struct

import imagecodecs
import numpy as np
import pytest
from pydicom.uid import JPEGLSLossless, RLELossless

from pipeline.dicom.pixel_range import pixel_format
from pipeline.dicom.stored_pixels import decode
from pipeline.dicom.unusable import Unusable
from tests.dicom.encoded_frames import LOSSLESS, PIXELS, rle
from tests.dicom_samples import mammogram_dataset, pixel_element

PICTURES = [PIXELS, PIXELS + 1, PIXELS + 2]
FRAMES = [imagecodecs.jpegls_encode(picture) for picture in PICTURES]
END = b"\xfe\xff\xdd\xe0" + bytes(4)
WRONG_TABLE = "the offset table of Pixel Data is wrong: frames are told by their fragments"


def item(value: bytes, length: int | None = None) -> bytes:
    value += bytes(len(value) % 2)
    return b"\xfe\xff\x00\xe0" + struct.pack("<I", len(value) if length is None else length) + value


def table(*offsets: int) -> bytes:
    return item(struct.pack(f"<{len(offsets)}I", *offsets))


def halves(frame: bytes) -> bytes:
    middle = len(frame) // 4 * 2
    return item(frame[:middle]) + item(frame[middle:])


def decoded(data: bytes, *, frames=1, frame=0, syntax=JPEGLSLossless, **values):
    dataset = mammogram_dataset(
        PIXELS, BitsStored=12, NumberOfFrames=frames, PixelData=data, **values
    )
    dataset.file_meta.TransferSyntaxUID = syntax
    return decode(dataset, pixel_element(dataset), pixel_format(dataset), frame=frame)


@pytest.mark.parametrize(
    "offsets", [(4,), (2**31,), (0, 10), (0, 0), ()], ids=["4", "far", "two", "same", "empty"]
)
@pytest.mark.parametrize("split", [item, halves])
def test_a_single_frame_needs_no_offset_table(offsets, split):
    stored = decoded(table(*offsets) + split(FRAMES[0]) + END)
    np.testing.assert_array_equal(stored.pixels, PIXELS)
    assert stored.notes == ([WRONG_TABLE] if offsets else [])


def test_all_fragments_of_a_single_frame_are_its_own_whatever_they_begin_with():
    data = table(4) + item(FRAMES[0][:20]) + item(FRAMES[0][20:24]) + item(FRAMES[0][24:]) + END
    np.testing.assert_array_equal(decoded(data).pixels, PIXELS)
    encoded = rle(PIXELS)
    data = table(4) + item(encoded[:32]) + item(encoded[32:]) + END
    np.testing.assert_array_equal(decoded(data, syntax=RLELossless).pixels, PIXELS)


@pytest.mark.parametrize("codec", LOSSLESS)
def test_the_item_of_the_offset_table_may_be_missing(codec):
    syntax, encode = LOSSLESS[codec]
    stored = decoded(item(encode(PIXELS)) + END, syntax=syntax)
    np.testing.assert_array_equal(stored.pixels, PIXELS)
    assert stored.notes == ["the Basic Offset Table, which may be empty, is missing"]


def test_the_delimiter_at_the_end_may_be_missing():
    np.testing.assert_array_equal(decoded(table() + item(FRAMES[0])).pixels, PIXELS)


def test_what_lies_behind_the_last_fragment_is_noted():
    stored = decoded(table() + item(FRAMES[0]) + b"\xfc\xff\xfc\xff" + bytes(8))
    np.testing.assert_array_equal(stored.pixels, PIXELS)
    assert stored.notes == ["12 bytes of Pixel Data behind the last fragment belong to none"]


def test_the_padding_of_an_odd_fragment_may_be_left_out_of_its_length():
    frame = FRAMES[0] + bytes(1 - len(FRAMES[0]) % 2)
    first = item(frame, length=len(frame))
    np.testing.assert_array_equal(decoded(table() + first + END).pixels, PIXELS)


@pytest.mark.parametrize("frame", [0, 1, 2])
@pytest.mark.parametrize("offsets", [(1, 2, 3), (0,), (0, 0, 0)])
@pytest.mark.parametrize("split", [item, halves])
def test_frames_are_told_by_their_fragments_where_the_table_is_wrong(frame, offsets, split):
    data = table(*offsets) + b"".join(split(each) for each in FRAMES) + END
    stored = decoded(data, frames=3, frame=frame)
    np.testing.assert_array_equal(stored.pixels, PICTURES[frame])
    assert stored.notes == [WRONG_TABLE]


def test_a_right_table_tells_frames_of_several_fragments_apart():
    parts = [rle(picture) for picture in PICTURES]
    first = item(parts[0])
    data = table(0, len(first)) + first + halves(parts[1]) + END
    stored = decoded(data, frames=2, frame=1, syntax=RLELossless)
    np.testing.assert_array_equal(stored.pixels, PICTURES[1])
    assert stored.notes == []


def test_frames_that_nothing_tells_apart_fail():
    data = table() + item(FRAMES[0]) + halves(FRAMES[1]) + END
    with pytest.raises(Unusable, match="3 fragments, in which 2 streams begin, are not 5 frames"):
        decoded(data, frames=5)


def test_a_wrong_extended_offset_table_is_noted_and_passed_over():
    data = table() + b"".join(map(item, FRAMES)) + END
    wrong = {"ExtendedOffsetTable": bytes(24), "ExtendedOffsetTableLengths": bytes(24)}
    stored = decoded(data, frames=3, frame=2, **wrong)
    np.testing.assert_array_equal(stored.pixels, PICTURES[2])
    assert stored.notes == [WRONG_TABLE]


def test_no_fragment_at_all_fails():
    with pytest.raises(Unusable, match="there are no fragments in Pixel Data"):
        decoded(table() + END)
