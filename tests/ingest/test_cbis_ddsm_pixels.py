from itertools import permutations

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import RLELossless

from pipeline.dicom.header import read_header
from pipeline.ingest.cbis_ddsm import pixels
from pipeline.ingest.cbis_ddsm.files import NamedFile
from pipeline.ingest.cbis_ddsm.names import parse_name
from pipeline.ingest.cbis_ddsm.pixels import choose_mask, difference
from pipeline.ingest.source_files import list_files
from tests.ingest.cbis_download import CROPPED, FILM, mask, write_file

NAME = "Calc-Test_P_00038_LEFT_CC_1"


def named_files(folder):
    return [
        NamedFile(file, parse_name(NAME), read_header(file.path).shape)
        for file in list_files(folder).files
    ]


@pytest.fixture
def files(tmp_path):
    """Write pictures as files a.dcm, b.dcm, ... and look at them."""

    def write(*pictures, **values):
        for letter, picture in zip("abcd", pictures, strict=False):
            write_file(tmp_path, NAME, picture, path=f"{letter}.dcm", **values)
        return named_files(tmp_path)

    return write


def damage(file):
    """Cut off the pixels; the header stays."""
    file.file.path.write_bytes(file.file.path.read_bytes()[:-20])


def test_the_file_of_the_mammograms_size_is_the_mask_whatever_its_name(files):
    for pictures, chosen in (((CROPPED, mask()), "b.dcm"), ((mask(), CROPPED), "a.dcm")):
        found = files(*pictures)
        assert choose_mask(found, (12, 8)).file.name == chosen


def test_where_the_size_settles_it_nothing_is_decoded(files, monkeypatch):
    def read_nothing(*_, **__):
        raise AssertionError("a file was read")

    found = files(mask(), CROPPED)
    monkeypatch.setattr(pixels, "read_any_pixels", read_nothing)
    assert choose_mask(found, (12, 8)).file.name == "a.dcm"
    with pytest.raises(AssertionError, match="a file was read"):
        choose_mask(found, (24, 16))


def test_of_files_of_other_sizes_the_two_valued_one_is_the_mask(files):
    found = files(CROPPED, mask(24, 16))
    assert all(choose_mask(p, (12, 8)).file.name == "b.dcm" for p in permutations(found))


def test_of_two_files_of_the_mammograms_size_the_two_valued_one_is_the_mask(files):
    found = files(FILM, mask())
    assert choose_mask(found, (12, 8)).file.name == "b.dcm"


def test_of_two_masks_the_one_with_the_mammograms_aspect_ratio_is_taken(files):
    found = files(mask(24, 12), mask(24, 16), CROPPED)
    assert choose_mask(found, (12, 8)).file.name == "b.dcm"


def test_a_single_value_is_no_mask(files):
    found = files(np.zeros((24, 16), np.uint8), CROPPED)
    assert choose_mask(found, (12, 8)) is None


def test_a_cropped_image_alone_is_no_mask(files):
    assert choose_mask(files(CROPPED), (12, 8)) is None
    assert choose_mask([], (12, 8)) is None


def test_a_damaged_file_beside_a_cropped_image_is_left_to_whoever_reads_masks(files):
    found = files(mask(24, 16), CROPPED)
    damage(found[0])
    assert choose_mask(found, (12, 8)).file.name == "a.dcm"


def test_an_absurd_size_is_not_decoded(files):
    found = files(mask(24, 16), Rows=60_000, Columns=60_000)
    assert choose_mask(found, (12, 8)) is None
    assert "more than 150,000,000 pixels" in difference(found[0], found[0])


def test_the_same_pixels_in_another_compression_are_the_same_mammogram(tmp_path):
    write_file(tmp_path, NAME, FILM, path="a.dcm")
    compressed = dcmread(tmp_path / "a.dcm")
    compressed.compress(RLELossless)
    compressed.save_as(tmp_path / "b.dcm")
    write_file(tmp_path, NAME, FILM, path="c.dcm")
    one, rle, same = named_files(tmp_path)
    assert difference(one, rle) == ""
    assert difference(one, same) == ""


def test_one_other_pixel_makes_another_mammogram(files):
    other = FILM.copy()
    other[3, 4] += 1
    assert difference(*files(FILM, other)) == "their pixels differ"


def test_other_sizes_make_another_mammogram(files):
    assert difference(*files(FILM, FILM[:10])) == "their sizes differ, 12 x 8 and 10 x 8"


def test_a_damaged_file_cannot_be_compared(files):
    found = files(FILM, FILM)
    damage(found[1])
    assert difference(*found).startswith("their pixels cannot be compared (")
