"""The decoder against others, on every difficult file that has pixels, whatever it shows.

Where a second decoder is installed it decodes the same frame. Where none is, its result is in
decoded_elsewhere.csv: SHA-256 of the values as little-endian int32, from a decoder that is not
a dependency. Both are independent of the decoder under test: another library or, for JPEG 2000
and 8-bit JPEG, another build of it.
"""

import csv
import hashlib
import logging
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.pixels import get_decoder
from pydicom.uid import UID, RLELossless

from pipeline.dicom.codecs import stream_info
from pipeline.dicom.decode import decode, pixel_format
from pipeline.dicom.opening import DICOM_ERRORS, is_dicom, open_dicom, read_dicom
from pipeline.dicom.unusable import Unusable
from pipeline.dicom.values import number

ELSEWHERE = Path(__file__).with_name("decoded_elsewhere.csv")
# What is not decoded, or not by two, and why.
ALONE = {
    "1fb82fca_3gb-bulk-data-truncated.dcm": "3 GB are announced, 0.1 MB are there",
    "241d8698_JPEG2000-embedded-sequence-delimiter.dcm": "the width in the stream is overwritten",
    "22c9e754_liver_deflate.dcm": "deflated frames, which hold no mammograms",
    "3615444f_liver_nonbyte_aligned_deflate.dcm": "deflated frames, which hold no mammograms",
    "4a8e9ac2_mlut_19.dcm": "signed 12-bit values up to 4095, out of their range",
    "4b81d29f_mlut_18.dcm": "signed 12-bit values up to 4095, out of their range",
    "5d66ade8_dwv-test_no-number-rows.dcc49ba1.dcm": "the number of rows is missing",
    "6161bd1f_dwv-test_no-number-rows.dcm": "the number of rows is missing",
}


# pydicom warns about and logs what is wrong with these files.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture(scope="module", autouse=True)
def _quiet():
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def test_every_file_with_pixels_decodes_as_a_second_decoder_does(mammo_data):
    files = [p for p in sorted((mammo_data / "dicom-files").iterdir()) if is_dicom(p)]
    answers = {path.name: answer for path in files if (answer := compared(path)) is not None}
    assert {name: said for name, said in answers.items() if said and name not in ALONE} == {}
    assert [name for name in ALONE if not answers.get(name)] == []
    assert len(answers) >= 200


def test_the_reader_decodes_what_pydicom_decodes_with_the_plugin(mammo_data):
    """Every frame of every grey image, compressed or not: the two ways to the one decoder."""
    different, count = {}, 0
    for path in sorted((mammo_data / "dicom-files").iterdir()):
        if not is_dicom(path) or path.name in ALONE:
            continue
        dataset = whole(path)
        if dataset is None or not dataset.get("PixelData"):
            continue
        if number(dataset, "SamplesPerPixel") != 1:
            continue
        if number(dataset, "BitsAllocated") not in (8, 16) or not known(syntax_of(dataset)):
            continue
        frames = by_pydicom(dataset, "imagecodecs").reshape(-1, dataset.Rows, dataset.Columns)
        with open_dicom(path) as (header, element):
            expected = pixel_format(header)
            for index in range(len(frames)):
                stored = decode(header, element, expected, frame=index)
                clipped = any("clipped" in note for note in stored.notes)
                kept = stored.pixels < (stored.pixels.max() if clipped else np.inf)
                if not alike(stored.pixels[kept], frames[index][kept], expected.bits_stored):
                    different[path.name] = index
        count += 1
    assert different == {}
    assert count >= 130


def compared(path: Path) -> str | None:
    """Why a file does not decode as with a second decoder; None where there is nothing to do.

    Uncompressed colour, 1-bit and 32-bit pixels are laid out by pydicom alone.
    """
    dataset = whole(path)
    if dataset is None or not dataset.get("PixelData"):
        return None
    grey = number(dataset, "SamplesPerPixel") == 1 and number(dataset, "BitsAllocated") in (8, 16)
    if not is_encapsulated(dataset) and not grey and path.name not in ALONE:
        return None
    try:
        mine, other = decoded(path, dataset), decoded_elsewhere(path, dataset)
    except (Unusable, *DICOM_ERRORS) as error:
        return f"{type(error).__name__}: {error}"
    if isinstance(other, str):
        return "" if digest(mine) == other else "not the values that were recorded"
    tolerance = 1 if number(dataset, "LossyImageCompression") == 1 else 0
    if alike(mine, other, int(dataset.BitsStored), tolerance=tolerance):
        return ""
    return "other values"


def decoded(path: Path, dataset: Dataset) -> np.ndarray:
    """All frames by the decoder under test."""
    if is_encapsulated(dataset) and known(syntax_of(dataset)):
        try:
            return by_pydicom(dataset, "imagecodecs")
        except (RuntimeError, ValueError):
            pass  # a label that lies: the reader goes by the bytes
    with open_dicom(path) as (header, element):
        expected, count = pixel_format(header), int(number(header, "NumberOfFrames") or 1)
        return np.stack(
            [decode(header, element, expected, frame=i).pixels for i in range(count)]
        ).squeeze()


def decoded_elsewhere(path: Path, dataset: Dataset) -> np.ndarray | str:
    """All frames by another decoder, or the digest that one gave."""
    recorded = {row["file"]: row["sha256"] for row in csv.DictReader(ELSEWHERE.open())}
    if path.name in recorded:
        return recorded[path.name]
    if not is_encapsulated(dataset):
        return by_pydicom(dataset, "")
    count = int(number(dataset, "NumberOfFrames") or 1)
    frames = list(generate_frames(dataset.PixelData, number_of_frames=count))[:count]
    if syntax_of(dataset) == RLELossless:
        return by_pydicom(dataset, "pydicom")
    info = stream_info(frames[0])
    if info is None:  # uncompressed in spite of its label
        return np.frombuffer(frames[0], np.uint8)
    if info.codec == "JPEG lossless":
        return np.stack([imagecodecs.jpegsof3_decode(frame) for frame in frames]).squeeze()
    return by_pydicom(dataset, "pillow")


def by_pydicom(dataset: Dataset, plugin: str) -> np.ndarray:
    """The stored values as pydicom and one of its plugins see them."""
    decoder = get_decoder(syntax_of(dataset))
    return decoder.as_array(dataset, raw=True, decoding_plugin=plugin)[0]


def alike(one: np.ndarray, other: np.ndarray, bits: int, *, tolerance: int = 0) -> bool:
    """Whether the lowest bits agree, signed or not."""
    difference = (one.astype(np.int64).ravel() - other.astype(np.int64).ravel()) % (1 << bits)
    return bool((np.minimum(difference, (1 << bits) - difference) <= tolerance).all())


def digest(values: np.ndarray) -> str:
    return hashlib.sha256(values.astype("<i4").tobytes()).hexdigest()


def whole(path: Path) -> Dataset | None:
    try:
        return read_dicom(path, header_only=False, max_bytes=2**28)
    except DICOM_ERRORS:
        return None


def syntax_of(dataset: Dataset) -> UID:
    """As labelled; where it is not, as the data set is encoded."""
    implicit = dataset.original_encoding[0]
    default = "1.2.840.10008.1.2" if implicit else "1.2.840.10008.1.2.1"
    return UID(str(dataset.file_meta.get("TransferSyntaxUID", default)))


def known(syntax: UID) -> bool:
    try:
        return bool(get_decoder(syntax))
    except NotImplementedError:
        return False


def is_encapsulated(dataset: Dataset) -> bool:
    return dataset.get("PixelData", b"")[:4] == b"\xfe\xff\x00\xe0"
