"""The ideal reader: better with more contrast, a coin without lesions, better than knowing less."""

import functools

import pytest

from pipeline.config import PhantomSettings
from pipeline.ingest.phantom.ideal_reader import read_ideally, readings_text


@functools.cache
def _read(contrast):
    return read_ideally(PhantomSettings(spacing_mm=0.4, contrast=contrast), pictures=12)


def test_lesions_without_contrast_are_a_coin_toss():
    assert _read(1e-6).known[1.0] == pytest.approx(0.5, abs=0.01)


def test_more_contrast_is_easier_and_the_default_is_easy():
    faint, default = _read(0.05), _read(1.0)
    assert 0.5 < faint.known[1.0] < default.known[1.0]
    assert default.known[1.0] > 0.95
    assert set(default.by_kind) == {"mass_smooth", "mass_spiculated", "microcalcifications"}


def test_knowing_which_lesion_to_look_for_helps():
    faint = _read(0.05)
    assert faint.unknown < faint.known[1.0]


def test_the_printed_text_names_auc_seed_and_numbers():
    reading = _read(1.0)
    text = readings_text([reading])
    assert f"AUC {reading.known[1.0]:.4f}\n" in text and "seeds 1." in text
    assert f"{reading.backgrounds} backgrounds" in text


def test_fainter_lesions_are_harder():
    known = list(_read(1.0).known.values())
    assert known == sorted(known, reverse=True)
    assert known[-1] < known[0]
