"""Only words of a known vocabulary leave a header."""

import pytest
from pydicom.uid import UID

from pipeline.dicom.known_words import (
    EXPLANATIONS,
    MODALITIES,
    SCANNERS,
    known,
    known_words,
    syntax_name,
    without_values,
)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("GE MEDICAL SYSTEMS Senographe Essential", "GE MEDICAL SYSTEMS Senographe Essential"),
        ("HOLOGIC, Inc. Selenia Dimensions", "HOLOGIC, Inc. Selenia Dimensions"),
        ("SIEMENS Mammomat Novation DR", "SIEMENS Mammomat Novation DR"),
        ("IMS s.r.l. GIOTTO IMAGE 3DL", "IMS s.r.l. GIOTTO IMAGE 3DL"),
        ("Siemens of Dr Miller 12345", "Siemens Dr"),
        ("Miller", "other"),
        ("", ""),
    ],
)
def test_a_scanner_is_told_in_the_words_of_makers_and_models(written, told):
    assert known_words(written, SCANNERS) == told


def test_a_word_outside_the_vocabulary_is_other_and_no_word_is_none():
    assert [known(text, MODALITIES) for text in ("CR", "MILLER", "")] == ["CR", "other", ""]
    assert known_words("Normal Miller", EXPLANATIONS) == "Normal"
    assert [syntax_name(UID(u)) for u in ("1.2.840.10008.1.2.1", "1.2.3.4.5.6.7", "")] == [
        *("Explicit VR Little Endian", "other", "")
    ]


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("View Position 'MILLER' is no view", "View Position '…' is no view"),
        ("View Position 'O'NEILL' is no view", "View Position '…' is no view"),
        ("""no float: "O'NEILL\"""", "no float: '…'"),
        ("got b'MILLER' and 'x'", "got '…'"),
        ("Value 'MILLER that goes on where the text is cut", "Value '…'"),
        ("the codec can't decode it", "the codec can't decode it"),
        ("Window Center '2,0' is read as 2", "Window Center '2,0' is read as 2"),
        ("of class 1.2.276.0.75.2.1.11 here", "of class … here"),
        ("labelled 1.2.840.10008.1.2.1, is", "labelled 1.2.840.10008.1.2.1, is"),
    ],
)
def test_values_of_a_file_are_taken_out_of_what_is_said_of_it(written, told):
    assert without_values(written) == told
