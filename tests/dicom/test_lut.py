import numpy as np
import pytest
from pydicom.dataset import Dataset

from pipeline.dicom.greyscale import Grey, grey_tables
from pipeline.dicom.unusable import Unusable
from tests.dicom_samples import lut, mammogram_dataset


def grey(*, bits=2, signed=False, prefer_lut=True, **values) -> Grey:
    dataset = mammogram_dataset(np.zeros((2, 2), np.uint16), BitsStored=bits, **values)
    return grey_tables(dataset, bits=bits, signed=signed, prefer_lut=prefer_lut)


def test_the_first_lut_goes_before_the_windows_unless_windows_are_preferred():
    # As in mammograms of GE: three looks, each as a LUT and as a sigmoid close to it.
    values = {
        "VOILUTSequence": [
            *lut([0, 0, 0, 255], first=0, bits=8, explanation="NORMAL"),
            *lut([0, 0, 255, 255], first=0, bits=8, explanation="HARDER"),
            *lut([0, 100, 200, 255], first=0, bits=8, explanation="SOFTER"),
        ],
        "WindowCenter": [2, 2, 2],
        "WindowWidth": [4, 2, 8],
        "WindowCenterWidthExplanation": ["NORMAL", "HARDER", "SOFTER"],
        "VOILUTFunction": "SIGMOID",
    }
    by_lut = grey(**values)
    assert by_lut.window == "VOI LUT NORMAL (1 of 3)"
    np.testing.assert_array_equal(by_lut.values, [0, 0, 0, 1])
    by_window = grey(prefer_lut=False, **values)
    assert by_window.window == "SIGMOID 2/4 NORMAL (1 of 3)"
    np.testing.assert_allclose(by_window.values, 1 / (1 + np.exp([2, 1, 0, -1])), rtol=1e-6)


def test_a_lut_without_a_table_gives_way_to_the_window():
    tables = grey(VOILUTSequence=[Dataset()], WindowCenter=2, WindowWidth=3)
    assert tables.window == "LINEAR 2/3"


def test_a_window_that_a_lut_replaces_is_not_complained_about():
    assert grey(VOILUTSequence=lut([0, 255], first=0, bits=8), WindowCenter="").notes == []


def test_a_lut_maps_values_outside_its_input_to_its_ends():
    tables = grey(VOILUTSequence=lut([10, 20], first=1, bits=8))
    np.testing.assert_allclose(tables.values, np.array([10, 10, 20, 20]) / 255, rtol=1e-6)


def test_an_empty_lut_sequence_counts_as_none():
    assert grey(VOILUTSequence=[]).window == "none"
    assert grey(VOILUTSequence=[Dataset()]).window == "none"


def test_a_modality_lut_replaces_the_rescaling():
    tables = grey(ModalityLUTSequence=lut([0, 51, 102, 255], first=0, bits=8))
    np.testing.assert_allclose(tables.values, [0, 0.2, 0.4, 1], rtol=1e-6)


@pytest.mark.parametrize(
    ("entries", "data"),
    [
        (4, np.array([0, 51, 102, 255], np.uint8).tobytes()),
        (4, np.array([0, 51, 102, 255], "<u2").tobytes()),
        (4, [0 | 51 << 8, 102 | 255 << 8]),
        (3, [0 | 51 << 8, 102]),
    ],
    ids=["8-bit bytes", "16-bit bytes", "8 bit packed into words", "an odd number of them"],
)
def test_lut_data_come_in_several_forms(entries, data):
    item = lut([0] * entries, first=0, bits=8)
    item[0].LUTData = data
    found = grey(VOILUTSequence=item).values * 255
    np.testing.assert_allclose(found[:3], [0, 51, 102], rtol=1e-6)
    assert found[3] == pytest.approx(255 if entries == 4 else 102)


@pytest.mark.parametrize("first", [-2, 65534], ids=["as SS", "as US"])
def test_the_first_value_of_a_lut_is_signed_when_the_pixels_are(first):
    tables = grey(signed=True, VOILUTSequence=lut([0, 51, 102, 255], first=first, bits=8))
    # The table is in the order of the bits: 0, 1, -2, -1.
    np.testing.assert_allclose(tables.values * 255, [102, 255, 0, 51], rtol=1e-6)


def test_the_first_value_of_a_lut_is_unsigned_when_the_pixels_are():
    entries = [0, *([0] * 10000), 255]
    tables = grey(bits=16, VOILUTSequence=lut(entries, first=32768 - 65536, bits=8))
    assert tables.values[32768 + 10000] == 0
    assert tables.values[32768 + 10001] == 1


def test_a_lut_of_65536_entries_has_a_count_of_0():
    entries = [value >> 8 for value in range(65536)]
    item = lut([], first=0, bits=8)
    item[0].LUTData = np.array(entries, "<u2").tobytes()
    tables = grey(bits=16, VOILUTSequence=item)
    np.testing.assert_allclose(tables.values[[0, 256, 65535]], [0, 1 / 255, 1], rtol=1e-6)


def test_entries_beyond_the_bits_of_a_lut_widen_its_range_and_are_noted():
    tables = grey(VOILUTSequence=lut([0, 1000, 2000, 4095], first=0, bits=8))
    np.testing.assert_allclose(tables.values * 4095, [0, 1000, 2000, 4095], rtol=1e-6)
    assert "do not fit its 8 bit" in tables.notes[0]


@pytest.mark.parametrize("descriptor", [[9, 0, 8], [4, 0, 0], [4, 0, 17]])
def test_a_lut_that_is_not_as_described_fails(descriptor):
    item = lut([0, 1, 2, 3], first=0, bits=8)
    item[0].LUTDescriptor = descriptor
    with pytest.raises(Unusable, match="a LUT has"):
        grey(VOILUTSequence=item)


def test_monochrome1_inverts_a_lut_over_its_range():
    tables = grey(
        VOILUTSequence=lut([0, 51, 102, 204], first=0, bits=8),
        PhotometricInterpretation="MONOCHROME1",
    )
    np.testing.assert_allclose(tables.values, [1, 0.8, 0.6, 0.2], rtol=1e-6)
