import hashlib
from dataclasses import replace

import imagecodecs
import numpy as np
import pytest
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    ExplicitVRBigEndian,
    JPEG2000Lossless,
    JPEG2000MCLossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLSLossless,
    JPEGLSNearLossless,
)

from pipeline.dicom.file_format import open_dicom
from pipeline.dicom.pixel_range import pixel_format
from pipeline.dicom.stored_pixels import decode
from pipeline.dicom.unusable import Unusable
from tests.dicom.encoded_frames import LOSSLESS, PIXELS
from tests.dicom_samples import mammogram_dataset, pixel_element


def decoded(dataset, *, frame=0):
    return decode(dataset, pixel_element(dataset), pixel_format(dataset), frame=frame)


def encapsulated(frame: bytes, syntax, pixels=PIXELS, **values):
    values = {"BitsStored": 12, "PixelData": encapsulate([frame])} | values
    dataset = mammogram_dataset(pixels, **values)
    dataset.file_meta.TransferSyntaxUID = syntax
    return dataset


@pytest.mark.parametrize("codec", LOSSLESS)
def test_lossless_codecs_give_the_pixels_back(codec):
    syntax, encode = LOSSLESS[codec]
    stored = decoded(encapsulated(encode(PIXELS), syntax))
    np.testing.assert_array_equal(stored.pixels, PIXELS)
    assert stored.codec == codec
    assert stored.notes == []


@pytest.mark.parametrize(
    ("codec", "syntax"),
    [
        ("JPEG lossless", JPEGLossless),
        ("JPEG-LS", JPEGLSNearLossless),
        ("JPEG 2000", JPEG2000),
        ("JPEG 2000", JPEG2000MCLossless),
        ("HTJ2K", HTJ2K),
    ],
)
def test_other_transfer_syntaxes_of_a_codec_are_no_lie(codec, syntax):
    stored = decoded(encapsulated(LOSSLESS[codec][1](PIXELS), syntax))
    assert (stored.codec, stored.notes) == (codec, [])


def test_uncompressed_pixels_come_back():
    stored = decoded(mammogram_dataset(PIXELS, BitsStored=12))
    np.testing.assert_array_equal(stored.pixels, PIXELS)
    assert stored.codec == "uncompressed"


def test_big_endian_pixels_come_back():
    dataset = mammogram_dataset(PIXELS, PixelData=PIXELS.astype(">u2").tobytes())
    dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    np.testing.assert_array_equal(decoded(dataset).pixels, PIXELS)


def test_big_endian_bytes_are_swapped_where_they_were_written_as_words():
    pixels = np.arange(6, dtype=np.uint8).reshape(2, 3)
    dataset = mammogram_dataset(pixels, PixelData=bytes([1, 0, 3, 2, 5, 4]))
    dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    np.testing.assert_array_equal(decoded(dataset).pixels, pixels)


def test_encapsulated_uncompressed_pixels_come_back():
    stored = decoded(encapsulated(PIXELS.tobytes(), UID("1.2.840.10008.1.2.1.98")))
    np.testing.assert_array_equal(stored.pixels, PIXELS)
    assert stored.notes == []


def test_a_wrong_transfer_syntax_is_seen_by_the_bytes_and_noted():
    stored = decoded(encapsulated(imagecodecs.jpegls_encode(PIXELS), JPEG2000Lossless))
    np.testing.assert_array_equal(stored.pixels, PIXELS)
    assert stored.codec == "JPEG-LS"
    assert stored.notes == ["labelled JPEG 2000 Image Compression (Lossless Only), is JPEG-LS"]


def test_uncompressed_pixels_with_a_compressed_label_are_read_and_noted():
    dataset = mammogram_dataset(PIXELS, BitsStored=12)
    dataset.file_meta.TransferSyntaxUID = JPEGLSLossless
    stored = decoded(dataset)
    np.testing.assert_array_equal(stored.pixels, PIXELS)
    assert "is uncompressed" in stored.notes[0]


@pytest.mark.parametrize("undefined", [False, True])
def test_a_stream_that_is_not_encapsulated_is_read_and_noted(undefined):
    frame = imagecodecs.jpegls_encode(PIXELS)
    dataset = encapsulated(frame, JPEGLSLossless, PixelData=frame)
    element = replace(pixel_element(dataset), **({"length": None} if undefined else {}))
    stored = decode(dataset, element, pixel_format(dataset))
    np.testing.assert_array_equal(stored.pixels, PIXELS)
    assert stored.notes == ["Pixel Data is one stream that is not encapsulated"]


def test_compressed_pixels_without_a_label_are_read_and_noted():
    dataset = encapsulated(imagecodecs.jpegls_encode(PIXELS), JPEGLSLossless)
    del dataset.file_meta.TransferSyntaxUID
    stored = decode(dataset, pixel_element(dataset), pixel_format(dataset))
    np.testing.assert_array_equal(stored.pixels, PIXELS)
    assert stored.notes == ["labelled nothing, is JPEG-LS"]


@pytest.mark.parametrize("frame", [0, 1, 2])
def test_a_frame_of_several_is_decoded_alone(frame):
    pictures = [PIXELS + index for index in range(3)]
    frames = [imagecodecs.jpegls_encode(picture) for picture in pictures]
    dataset = mammogram_dataset(
        PIXELS, PixelData=b"".join(p.tobytes() for p in pictures), NumberOfFrames=3
    )
    np.testing.assert_array_equal(decoded(dataset, frame=frame).pixels, pictures[frame])
    for data in (encapsulate(frames), encapsulate(frames, has_bot=False)):
        dataset = encapsulated(frames[0], JPEGLSLossless, NumberOfFrames=3, PixelData=data)
        np.testing.assert_array_equal(decoded(dataset, frame=frame).pixels, pictures[frame])


def test_the_extended_offset_table_says_where_a_frame_is():
    pictures = [PIXELS, PIXELS + 1]
    data, *tables = encapsulate_extended([imagecodecs.jpegls_encode(p) for p in pictures])
    dataset = encapsulated(b"12", JPEGLSLossless, NumberOfFrames=2, PixelData=data)
    swapped = [np.frombuffer(table, "<u8")[::-1].tobytes() for table in tables]
    dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths = swapped
    np.testing.assert_array_equal(decoded(dataset, frame=0).pixels, pictures[1])


def test_a_frame_in_several_fragments_is_put_together():
    frame = imagecodecs.jpegls_encode(PIXELS)
    data = encapsulate([frame], fragments_per_frame=5, has_bot=False)
    np.testing.assert_array_equal(
        decoded(encapsulated(frame, JPEGLSLossless, PixelData=data)).pixels, PIXELS
    )


def test_a_stream_that_is_cut_off_fails():
    frame = imagecodecs.jpegls_encode(PIXELS)
    with pytest.raises(Unusable, match="failed: cannot be decoded: the JPEG-LS stream has no end"):
        decoded(encapsulated(frame[: len(frame) // 2], JPEGLSLossless))


def test_uncompressed_pixels_that_are_cut_off_fail():
    with pytest.raises(Unusable, match=r"cut off: 100 of 1536 bytes"):
        decoded(mammogram_dataset(PIXELS, PixelData=PIXELS.tobytes()[:100]))


def half_an_ellipse(*, air: int) -> np.ndarray:
    rows, cols = np.mgrid[:200, :120]
    return np.where(np.hypot((rows - 90) / 70, cols / 80) < 1, 900, air).astype(np.uint16)


@pytest.mark.parametrize("air", [0, 3])
def test_pixels_that_break_off_within_a_row_are_doubted(air):
    pixels = half_an_ellipse(air=air)
    pixels.reshape(-1)[100 * 120 + 30 :] = 0
    assert decoded(mammogram_dataset(pixels)).notes == [
        "the values break off within row 100, and all 99 rows below are 0: copy or export it again"
    ]


@pytest.mark.parametrize("last_row", [200, 110])
@pytest.mark.parametrize("air", [0, 3])
def test_black_air_and_black_margins_are_no_break(air, last_row):
    pixels = half_an_ellipse(air=air)
    pixels[last_row:] = 0
    assert decoded(mammogram_dataset(pixels)).notes == []
    assert decoded(mammogram_dataset(np.zeros_like(pixels))).notes == []


def test_signed_values_that_are_called_unsigned_are_not_torn():
    row, col = np.mgrid[:128, :100]
    values = (1500 * np.hypot((row - 64) / 64, col / 100) - 995).astype(np.int16)
    stored = decoded(mammogram_dataset(values.view(np.uint16) & 0xFFF, BitsStored=12))
    assert stored.signed
    assert stored.notes == ["Pixel Representation says unsigned, which tears the picture: signed"]
    plain = (values + 995).astype(np.uint16)
    plain[60:70, 10:20] = np.arange(10) % 2 * 4095  # a label
    stored = decoded(mammogram_dataset(plain, BitsStored=12))
    assert (stored.signed, stored.notes) == (False, [])


def test_more_pixels_than_the_header_announces_are_noted():
    stored = decoded(mammogram_dataset(PIXELS, PixelData=PIXELS.tobytes() + bytes(1536)))
    np.testing.assert_array_equal(stored.pixels, PIXELS)
    assert stored.notes == ["Pixel Data is 1536 bytes longer than the image"]


def test_missing_pixels_fail():
    with pytest.raises(Unusable, match="Pixel Data is missing"):
        decoded(mammogram_dataset(PIXELS, PixelData=b""))


def test_a_jpeg_label_on_a_stream_of_no_known_kind_fails():
    with pytest.raises(Unusable, match="no JPEG, JPEG-LS, JPEG 2000 or RLE stream"):
        decoded(encapsulated(b"rubbish" * 20, JPEGBaseline8Bit))


def test_12_bit_jpeg_is_named_by_its_process():
    frame = imagecodecs.jpeg8_encode(PIXELS, level=98, bitspersample=12)
    assert decoded(encapsulated(frame, JPEGExtended12Bit)).codec == "JPEG extended"


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
        with open_dicom(path) as (header, pixels):
            stored = decode(header, pixels, pixel_format(header))
        hashes[name] = hashlib.sha256(stored.pixels.tobytes()).hexdigest()
    assert len(set(hashes.values())) == 1, hashes
