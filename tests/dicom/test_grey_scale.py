import numpy as np
import pytest
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from pipeline.dicom.grey_scale import (
    apply_table,
    grey_tables,
    linear,
    linear_exact,
    sigmoid,
    stored_values,
)
from pipeline.dicom.unusable import Unusable
from tests.dicom_samples import lut, mammogram_dataset

PIXELS = np.array([[0, 1], [2, 3]], np.uint16)


def grey(pixels=PIXELS, *, bits=2, signed=False, prefer_lut=True, **values):
    dataset = mammogram_dataset(pixels, BitsStored=bits, **values)
    return grey_tables(dataset, bits=bits, signed=signed, prefer_lut=prefer_lut)


def test_without_a_window_the_stored_range_becomes_0_to_1():
    tables = grey()
    np.testing.assert_allclose(tables.values, [0, 1 / 3, 2 / 3, 1], rtol=1e-6)
    assert tables.window == "none"
    assert tables.values.dtype == np.float32


def test_monochrome1_is_inverted_over_the_nominal_range_not_over_the_content():
    tables = grey(np.array([[0, 1], [1, 1]], np.uint16), PhotometricInterpretation="MONOCHROME1")
    np.testing.assert_allclose(tables.values, [1, 2 / 3, 1 / 3, 0], rtol=1e-6)


def test_the_linear_window_uses_centre_minus_half_and_width_minus_one():
    # (x - (2 - 0.5)) / (3 - 1) + 0.5 for x = 0, 1, 2, 3, clipped.
    tables = grey(WindowCenter=2, WindowWidth=3)
    np.testing.assert_allclose(tables.values, [0, 0.25, 0.75, 1])
    assert tables.window == "LINEAR 2/3"


def test_the_linear_exact_window_uses_centre_and_width():
    # (x - 2) / 4 + 0.5
    tables = grey(WindowCenter=2, WindowWidth=4, VOILUTFunction="LINEAR_EXACT")
    np.testing.assert_allclose(tables.values, [0, 0.25, 0.5, 0.75])


def test_the_sigmoid_window_follows_the_standard():
    tables = grey(WindowCenter=2, WindowWidth=4, VOILUTFunction="SIGMOID")
    np.testing.assert_allclose(tables.values, 1 / (1 + np.exp([2.0, 1.0, 0.0, -1.0])), rtol=1e-6)


def test_a_linear_window_of_width_1_is_a_threshold():
    np.testing.assert_array_equal(linear(np.array([1.4, 1.6]), centre=2, width=1), [0, 1])


def test_window_functions_stay_within_0_and_1_far_from_the_centre():
    far = np.array([-1e9, 1e9])
    for function in (linear, linear_exact, sigmoid):
        np.testing.assert_allclose(function(far, centre=0, width=2), [0, 1], atol=1e-12)


def test_the_rescaling_comes_before_the_window():
    # Rescaled values are -100, -90, -80, -70; the exact window runs from -90 to -70.
    tables = grey(
        RescaleSlope=10,
        RescaleIntercept=-100,
        WindowCenter=-80,
        WindowWidth=20,
        VOILUTFunction="LINEAR_EXACT",
    )
    np.testing.assert_allclose(tables.values, [0, 0, 0.5, 1])


def test_polarity_comes_after_the_window():
    tables = grey(WindowCenter=2, WindowWidth=3, PhotometricInterpretation="MONOCHROME1")
    np.testing.assert_allclose(tables.values, [1, 0.75, 0.25, 0])


def test_a_negative_rescale_slope_inverts():
    np.testing.assert_allclose(grey(RescaleSlope=-1).values, [1, 2 / 3, 1 / 3, 0], rtol=1e-6)


@pytest.mark.parametrize(
    "function", [" SIGMOID ", "sigmoid", "SIGMOID\0"], ids=["blanks", "lower case", "null"]
)
def test_the_name_of_the_window_function_may_be_padded(function):
    tables = grey(WindowCenter=2, WindowWidth=4, VOILUTFunction=function)
    assert tables.window == "SIGMOID 2/4"


@pytest.mark.parametrize("function", ["", None, "CUBIC"])
def test_an_absent_or_unknown_window_function_is_linear(function):
    values = {} if function is None else {"VOILUTFunction": function}
    tables = grey(WindowCenter=2, WindowWidth=3, **values)
    assert tables.window == "LINEAR 2/3"
    assert bool(tables.notes) == (function == "CUBIC")


@pytest.mark.parametrize(
    "values",
    [
        {"WindowCenter": 2},
        {"WindowWidth": 3},
        {"WindowCenter": "", "WindowWidth": ""},
        {"WindowCenter": 2, "WindowWidth": 0},
        {"WindowCenter": 2, "WindowWidth": -4},
        {"WindowCenter": 2, "WindowWidth": 0.5},
    ],
    ids=["no width", "no centre", "empty", "width 0", "negative width", "linear below 1"],
)
def test_an_unusable_window_is_left_out_and_noted(values):
    tables = grey(**values)
    assert tables.window == "none"
    assert len(tables.notes) == 1
    np.testing.assert_allclose(tables.values, [0, 1 / 3, 2 / 3, 1], rtol=1e-6)


def test_of_several_windows_the_first_is_used_and_recorded():
    explanations = ["NORMAL", "HARDER"]
    tables = grey(
        WindowCenter=[2, 100], WindowWidth=[3, 50], WindowCenterWidthExplanation=explanations
    )
    assert tables.window == "LINEAR 2/3 NORMAL (1 of 2)"
    np.testing.assert_allclose(tables.values, [0, 0.25, 0.75, 1])


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_the_nominal_range_is_that_of_the_bits_stored(bits):
    values = grey(bits=bits).values
    assert len(values) == 1 << bits
    np.testing.assert_allclose(values[[0, 1, -1]], [0, 1 / ((1 << bits) - 1), 1], rtol=1e-6)


def test_padding_is_the_inclusive_range_whichever_end_comes_first():
    tables = grey(PixelPaddingValue=3, PixelPaddingRangeLimit=2)
    np.testing.assert_array_equal(tables.padding, [False, False, True, True])


def test_a_single_padding_value_is_masked():
    np.testing.assert_array_equal(grey(PixelPaddingValue=0).padding, [True, False, False, False])
    assert grey().padding is None


@pytest.mark.parametrize("polarity", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_a_range_of_stored_values_in_both_polarities(polarity):
    tables = grey(PixelPaddingValue=2, PixelPaddingRangeLimit=3, PhotometricInterpretation=polarity)
    np.testing.assert_array_equal(tables.padding, [False, False, True, True])


def test_padding_that_was_written_with_the_other_sign_is_found():
    # 63536 as an unsigned number of 16 bits is -2000, the padding of many scanners.
    padding = grey(bits=16, signed=True, PixelPaddingValue=63536).padding
    assert np.flatnonzero(padding).tolist() == [63536]
    padding = grey(bits=16, PixelPaddingValue=-2000).padding
    assert np.flatnonzero(padding).tolist() == [63536]


def test_signed_values_are_indexed_by_their_bits():
    pixels = np.array([[0, 1], [-2, -1]], np.int16)
    np.testing.assert_array_equal(stored_values(2, signed=True), [0, 1, -2, -1])
    tables = grey(pixels, signed=True, PixelPaddingValue=-2)
    np.testing.assert_allclose(tables.values, [2 / 3, 1, 0, 1 / 3], rtol=1e-6)
    np.testing.assert_array_equal(tables.padding, [False, False, True, False])


@pytest.mark.parametrize("slope", [1e-320, 1e308])
def test_a_rescale_slope_that_leaves_nothing_is_refused(slope):
    intercept = 1 if slope < 1 else 1e308
    with np.errstate(all="ignore"), pytest.raises(Unusable, match="lose all"):
        grey(RescaleSlope=slope, RescaleIntercept=intercept)


def test_a_rescale_slope_of_0_is_left_out_with_its_window():
    tables = grey(RescaleSlope=0, RescaleIntercept=7, WindowCenter=2, WindowWidth=3)
    np.testing.assert_allclose(tables.values, [0, 1 / 3, 2 / 3, 1], rtol=1e-6)
    assert tables.notes == [
        "Rescale Slope is 0: rescaling left out",
        "window left out, Rescale Slope is 0",
    ]


@pytest.mark.parametrize("intercept", [{}, {"RescaleIntercept": ""}], ids=["absent", "empty"])
def test_without_an_intercept_a_slope_that_leaves_nothing_is_named(intercept):
    with np.errstate(all="ignore"), pytest.raises(Unusable) as refused:
        grey(RescaleSlope=1e308, **intercept)
    assert refused.value.reason == "Rescale Slope 1e+308 and Intercept 0 lose all"


def with_text(keyword, text, **values):
    """Tables of a header in which one element is this text."""
    dataset = mammogram_dataset(PIXELS, BitsStored=2, **values)
    dataset[keyword] = DataElement(tag_for_keyword(keyword), "LO", text)
    return grey_tables(dataset, bits=2, signed=False)


@pytest.mark.parametrize("slope", ["0,5", "0.5"])
def test_a_rescale_slope_with_a_decimal_comma_is_read(slope):
    # Rescaled values are 0, 0.5, 1, 1.5; the exact window runs from 0 to 1.
    window = {"WindowCenter": 0.5, "WindowWidth": 1, "VOILUTFunction": "LINEAR_EXACT"}
    np.testing.assert_allclose(with_text("RescaleSlope", slope, **window).values, [0, 0.5, 1, 1])


@pytest.mark.parametrize("keyword", ["RescaleSlope", "RescaleIntercept"])
def test_without_a_readable_rescaling_its_window_is_left_out_and_noted(keyword):
    tables = with_text(keyword, "a half", WindowCenter=2, WindowWidth=3)
    assert tables.window == "none"
    name = "Rescale Slope" if keyword == "RescaleSlope" else "Rescale Intercept"
    assert tables.notes == [f"window left out, {name} cannot be read"]


def test_a_window_with_decimal_commas_is_read_and_noted():
    tables = with_text("WindowCenter", "2,0", WindowWidth=3)
    assert tables.window == "LINEAR 2/3"
    assert tables.notes[0].startswith("Window Center '2,0' is no number as DICOM writes it")


def test_a_window_whose_first_value_is_empty_is_no_window():
    tables = grey(WindowCenter=["", 2], WindowWidth=[3, 4])
    assert tables.window == "none"
    assert tables.notes == [
        r"Window Center '\2.0' is no number: left out",
        "window incomplete: left out",
    ]


@pytest.mark.parametrize("data", ["", None], ids=["empty text", "empty"])
def test_a_lut_without_data_says_so(data):
    item = lut([0, 1, 2, 3], first=0, bits=8)
    item[0].LUTData = data
    assert grey(VOILUTSequence=item).notes == ["VOI LUT left out: it has 0 entries of 8 bit, not 4"]


def test_the_table_is_looked_up_for_every_pixel_of_a_tall_image():
    pixels = np.random.default_rng(0).integers(0, 4, (600, 3)).astype(np.uint16)
    table = np.array([0, 0.25, 0.5, 1], np.float32)
    result = apply_table(pixels, table)
    np.testing.assert_array_equal(result, table[pixels])
    assert result.dtype == np.float32


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


@pytest.mark.parametrize("descriptor", [[9, 0, 8], [4, 0, 0], [4, 0, 17], [4, 0]])
def test_a_lut_that_is_not_as_described_gives_way_to_the_window(descriptor):
    item = lut([0, 1, 2, 3], first=0, bits=8)
    item[0].LUTDescriptor = descriptor
    window = {"WindowCenter": 2, "WindowWidth": 3}
    tables = grey(VOILUTSequence=item, **window)
    np.testing.assert_array_equal(tables.values, grey(**window).values)
    assert tables.window == "LINEAR 2/3"
    assert tables.notes[0].startswith("VOI LUT left out: it")


def test_a_modality_lut_that_is_not_as_described_is_left_out_with_the_window():
    item = lut([0, 1, 2, 3], first=0, bits=8)
    item[0].LUTDescriptor = [9, 0, 8]
    tables = grey(ModalityLUTSequence=item, WindowCenter=2, WindowWidth=3)
    np.testing.assert_array_equal(tables.values, grey().values)
    assert tables.notes == [
        "modality LUT left out: it has 4 entries of 8 bit, not 9",
        "window left out, the modality LUT cannot be used",
    ]


def test_of_a_lut_with_too_many_entries_the_first_are_taken_with_a_note():
    item = lut([0, 51, 102, 153, 204, 255], first=0, bits=8)
    item[0].LUTDescriptor = [4, 0, 8]
    tables = grey(VOILUTSequence=item)
    np.testing.assert_allclose(tables.values * 5, [0, 1, 2, 3], rtol=1e-6)
    assert tables.notes == ["a LUT has 6 entries, not 4: the first are taken"]


def test_monochrome1_inverts_a_lut_over_its_range():
    tables = grey(
        VOILUTSequence=lut([0, 51, 102, 204], first=0, bits=8),
        PhotometricInterpretation="MONOCHROME1",
    )
    np.testing.assert_allclose(tables.values, [1, 0.8, 0.6, 0.2], rtol=1e-6)
