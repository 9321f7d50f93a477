"""The decoder against others, on every difficult file that has pixels, whatever it shows.

Where a second decoder is installed it decodes the same frame. Where none is, its result is in
decoded_elsewhere.csv: SHA-256 of the values as little-endian int32, from a decoder that is not
a dependency. Both are independent of the decoder under test: another library or, for JPEG 2000
and 8-bit JPEG, another build of it.
"""

import csv
import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.pixels import get_decoder
from pydicom.uid import UID, RLELossless

from pipeline.dicom.any_pixels import read_any_pixels
from pipeline.dicom.compressed_frame import stream_info
from pipeline.dicom.elements import count, number
from pipeline.dicom.file_format import DICOM_ERRORS, is_dicom, open_dicom, read_dicom
from pipeline.dicom.pixel_range import pixel_format
from pipeline.dicom.stored_pixels import Stored, decode
from pipeline.dicom.unusable import Unusable

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


@dataclass
class Compared:
    """What the decoder under test made of a file.

    Attributes:
        other: why it differs from a second decoder, "" where it does not; None: nothing to do.
        reader: whether the reader's frames are those of `read_any_pixels`; None: nothing to do.
    """

    other: str | None = None
    reader: bool | None = None


@pytest.fixture(scope="module")
def compared(mammo_data) -> dict[str, Compared]:
    """One pass over all difficult files, by name."""
    files = [path for path in sorted((mammo_data / "dicom-files").iterdir()) if is_dicom(path)]
    return {path.name: compare(path) for path in files}


def test_every_file_with_pixels_decodes_as_a_second_decoder_does(compared):
    answers = {name: found.other for name, found in compared.items() if found.other is not None}
    assert {name: said for name, said in answers.items() if said and name not in ALONE} == {}
    assert [name for name in ALONE if not answers.get(name)] == []
    assert len(answers) >= 200


def test_the_reader_decodes_what_is_decoded_of_a_mask(compared):
    """Every frame of every grey image, compressed or not: the two ways to the one decoder."""
    answers = {name: found.reader for name, found in compared.items() if found.reader is not None}
    assert [name for name, same in answers.items() if not same] == []
    assert len(answers) >= 130


def compare(path: Path) -> Compared:
    """Decode a file in all ways; uncompressed colour, 1 and 32 bit pydicom alone lays out."""
    dataset = whole(path)
    if dataset is None or not dataset.get("PixelData"):
        return Compared()
    grey = number(dataset, "SamplesPerPixel") == 1 and number(dataset, "BitsAllocated") in (8, 16)
    if not is_encapsulated(dataset) and not grey and path.name not in ALONE:
        return Compared()
    try:
        any_pixels = read_any_pixels(path, most_pixels=2**26)
    except DICOM_ERRORS:  # a label that lies: the reader goes by the bytes
        any_pixels = None
    try:
        by_reader = frames_of_reader(path) if grey or any_pixels is None else []
        mine = np.stack([f.pixels for f in by_reader]) if any_pixels is None else any_pixels
        other = difference(path, dataset, mine)
    except (Unusable, *DICOM_ERRORS) as error:
        return Compared(f"{type(error).__name__}: {error}")
    if any_pixels is None or not grey or path.name in ALONE:
        return Compared(other)
    frames = any_pixels.reshape(-1, dataset.Rows, dataset.Columns)
    return Compared(other, all(map(alike_but_clipped, by_reader, frames)))


def frames_of_reader(path: Path) -> list[Stored]:
    with open_dicom(path) as (header, element):
        expected, frames = pixel_format(header), range(count(header, "NumberOfFrames"))
        return [decode(header, element, expected, frame=index) for index in frames]


def alike_but_clipped(stored: Stored, frame: np.ndarray) -> bool:
    clipped = any("clipped" in note for note in stored.notes)
    kept = stored.pixels < (stored.pixels.max() if clipped else np.inf)
    return alike(stored.pixels[kept], frame[kept], stored.bits)


def difference(path: Path, dataset: Dataset, mine: np.ndarray) -> str:
    other = decoded_elsewhere(path, dataset)
    if isinstance(other, str):
        return "" if digest(mine) == other else "not the values that were recorded"
    tolerance = 1 if number(dataset, "LossyImageCompression") == 1 else 0
    if alike(mine, other, int(dataset.BitsStored), tolerance=tolerance):
        return ""
    return "other values"


def decoded_elsewhere(path: Path, dataset: Dataset) -> np.ndarray | str:
    """All frames by another decoder, or the digest that one gave."""
    recorded = {row["file"]: row["sha256"] for row in csv.DictReader(ELSEWHERE.open())}
    if path.name in recorded:
        return recorded[path.name]
    if not is_encapsulated(dataset):
        return by_pydicom(dataset, "")
    expected = count(dataset, "NumberOfFrames")
    frames = list(generate_frames(dataset.PixelData, number_of_frames=expected))[:expected]
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
    if np.array_equal(one.ravel(), other.ravel()):
        return True
    mask = (1 << bits) - 1
    difference = (one.ravel().astype(np.int32) - other.ravel().astype(np.int32)) & mask
    return bool((np.minimum(difference, mask + 1 - difference) <= tolerance).all())


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


def is_encapsulated(dataset: Dataset) -> bool:
    return dataset.get("PixelData", b"")[:4] == b"\xfe\xff\x00\xe0"
