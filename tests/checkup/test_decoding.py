"""Every transfer syntax that mammograms come in can be read, and a wrong reading is noticed."""

import pytest

from pipeline.checkup import decoding
from pipeline.checkup.decoding import SAMPLES, check_decoding
from pipeline.dicom.unusable import Unusable


def test_every_transfer_syntax_is_read_here(tmp_path):
    found = check_decoding(tmp_path)
    assert [f.problem for f in found] == [""] * len(SAMPLES)
    decoder = {str(f.syntax): f.decoder for f in found}
    assert decoder["1.2.840.10008.1.2.1"] == "NumPy"
    assert decoder["1.2.840.10008.1.2.4.51"] == "imagecodecs (libjpeg-turbo)"
    assert decoder["1.2.840.10008.1.2.4.70"] == "imagecodecs (liblj92)"


@pytest.fixture
def one_syntax(monkeypatch):
    syntax, sample = next(iter(SAMPLES.items()))
    monkeypatch.setattr(decoding, "SAMPLES", {syntax: sample})


@pytest.mark.usefixtures("one_syntax")
def test_values_that_are_read_wrongly_are_a_problem(tmp_path, monkeypatch):
    read = decoding.read_mammogram

    def darker(path, *, settings):
        mammogram = read(path, settings=settings)
        mammogram.pixels[:] *= 0.9
        return mammogram

    monkeypatch.setattr(decoding, "read_mammogram", darker)
    (found,) = check_decoding(tmp_path)
    assert (found.decoder, found.problem) == ("", "read wrongly: values differ by up to 9.8%")


@pytest.mark.usefixtures("one_syntax")
@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (Unusable("failed", "no decoder"), "no decoder"),
        (ImportError("built without it"), "ImportError: built without it"),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path, monkeypatch, error, problem):
    def refuse(path, *, settings):
        raise error

    monkeypatch.setattr(decoding, "read_mammogram", refuse)
    (found,) = check_decoding(tmp_path)
    assert (found.decoder, found.problem) == ("", problem)
