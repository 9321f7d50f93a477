"""Every transfer syntax that mammograms come in can be read, and a wrong reading is noticed."""

import pytest

from pipeline.dicom import readable_syntaxes as tested
from pipeline.dicom.readable_syntaxes import SAMPLES, readable_syntaxes
from pipeline.dicom.unusable import Unusable
from pipeline.dicom.write import Encoding


def test_every_transfer_syntax_is_read_here(tmp_path):
    found = list(readable_syntaxes(tmp_path))
    assert [f.problem for f in found] == [""] * len(SAMPLES)
    decoder = {f.syntax: f.decoder for f in found}
    assert decoder["Explicit VR Little Endian (1.2.840.10008.1.2.1)"] == "NumPy"
    assert decoder["JPEG Lossless (1.2.840.10008.1.2.4.70)"] == "imagecodecs (liblj92)"
    assert (
        decoder["JPEG Extended (Process 2 and 4) (1.2.840.10008.1.2.4.51)"]
        == "imagecodecs (libjpeg-turbo)"
    )


def encoded_by(encode, monkeypatch):
    encoding, bits, tolerance = SAMPLES[0]
    sample = (Encoding(encoding.syntax, encode), bits, tolerance)
    monkeypatch.setattr(tested, "SAMPLES", (sample,))


def test_values_that_are_read_wrongly_are_a_problem(tmp_path, monkeypatch):
    encoded_by(lambda pixels: (pixels // 2).tobytes(), monkeypatch)
    (found,) = readable_syntaxes(tmp_path)
    assert (found.decoder, found.problem) == ("", "read wrongly: values differ by up to 49.1%")


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (Unusable("failed", "no decoder"), "no decoder"),
        (ImportError("built without it"), "ImportError: built without it"),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path, monkeypatch, error, problem):
    def refuse(pixels):
        raise error

    encoded_by(refuse, monkeypatch)
    (found,) = readable_syntaxes(tmp_path)
    assert (found.decoder, found.problem) == ("", problem)
