"""Damaged copies of files: each ends as used, skipped or failed, and soon.

The same holds for tens of thousands more of them; these are the ones that a test has time for.
"""

import logging
import time

import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from pipeline.config import DicomSettings
from pipeline.dicom.mammogram import Unusable, read_mammogram
from pipeline.preprocess.intake.thumbnails import let_through
from tests.dicom.dicom_mutations import mutated
from tests.dicom.encoded_frames import LOSSLESS, PIXELS
from tests.dicom_samples import write_mammogram

SETTINGS = let_through(DicomSettings(frames="middle", max_megapixels=20))
HEADER = {
    "BitsStored": 12,
    "WindowCenter": "2048",
    "WindowWidth": "4096",
    "RescaleSlope": "1",
    "RescaleIntercept": "0",
    "PixelPaddingValue": 0,
    "NumberOfFrames": "1",
}
PLAIN = (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
)
SECONDS = 5.0  # of the processor

# pydicom warns about and logs what it finds in them.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture(autouse=True)
def _quiet():
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def endings(data: bytes, numbers: range, folder) -> set[str]:
    """How the damaged copies of one file end; anything but an ending raises."""
    path, found = folder / "damaged.dcm", set()
    for number in numbers:
        path.write_bytes(mutated(data, number))
        begin = time.process_time()
        try:
            read_mammogram(path, settings=SETTINGS, spacing_mm=0.1)
            found.add("used")
        except Unusable as refused:
            assert refused.reason, number
            found.add(refused.status)
        assert time.process_time() - begin < SECONDS, number
    return found


@pytest.mark.parametrize("syntax", PLAIN, ids=lambda syntax: syntax.name)
def test_damaged_uncompressed_files_come_to_an_end(tmp_path, syntax):
    big = syntax == ExplicitVRBigEndian
    values = HEADER | ({"PixelData": PIXELS.astype(">u2").tobytes()} if big else {})
    data = write_mammogram(tmp_path / "a.dcm", PIXELS, syntax=syntax, **values).read_bytes()
    assert endings(data, range(180), tmp_path) == {"used", "skipped", "failed"}


@pytest.mark.parametrize("codec", LOSSLESS)
def test_damaged_compressed_files_come_to_an_end(tmp_path, codec):
    syntax, encode = LOSSLESS[codec]
    values = HEADER | {"PixelData": encapsulate([encode(PIXELS)])}
    data = write_mammogram(tmp_path / "a.dcm", PIXELS, syntax=syntax, **values).read_bytes()
    assert endings(data, range(180), tmp_path) == {"used", "skipped", "failed"}


def test_damaged_copies_of_the_difficult_files_come_to_an_end(mammo_data, tmp_path):
    files = sorted((mammo_data / "dicom-files").glob("*.dcm"))
    small = [p.read_bytes() for p in files if 300 < p.stat().st_size < 60_000]
    found = set()
    for index, data in enumerate(small):
        found |= endings(data, range(9 * index, 9 * index + 9), tmp_path)
    assert found == {"used", "skipped", "failed"}
