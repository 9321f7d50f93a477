"""Ids that are almost the same, and why."""

import signal

import pytest

from pipeline.ingest.alike import KnownIds, same_twice


@pytest.mark.parametrize(
    ("given", "known", "why"),
    [
        ("17", "00017", "zeros in front"),
        ("HOSP_101", "HOSP_000101", "zeros in front"),
        ("17.0", "00017", "decimals, zeros in front"),
        ("w 1", "w1", "blanks or signs that nobody sees"),
        ("w1\u200b", "w1", "blanks or signs that nobody sees"),
        ("\uff571", "w1", "blanks or signs that nobody sees"),
        ("W1", "w1", "capitals"),
        ("'00017", "00017", "quotation marks"),
        ("w1.dcm", "w1", "the suffix of a file"),
        ("w-1", "w_1", "signs such as - and _"),
        ("00017_L_CC", "00017", "a suffix"),
        ("00017", "00017-2024", "a suffix"),
        ("P00017", "00017", "a prefix"),
        ("101", "HOSP_000101", "a prefix"),
        ("w1", "mias/w1", "what stands before the last /"),
        ("/data/x/w1", "w1", "what stands before the last /"),
        ("1.23457E+11", "123456789012", "digits that a spreadsheet has rounded"),
        ("12345678901234500000", "12345678901234543210", "digits that a spreadsheet has rounded"),
    ],
)
def test_what_was_meant_is_found_with_the_reason(given, known, why):
    others = ["x9", "00018", "w2", "223456789012", "22345678901234543210"]
    assert KnownIds([*others, known]).meant(given) == (known, why)


@pytest.fixture
def ten_seconds_of_the_processor():
    """Ends what would go on for hours."""

    def stop(*_):
        raise AssertionError("it goes on and on")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, 10)
    yield
    signal.setitimer(signal.ITIMER_PROF, 0)
    signal.signal(signal.SIGPROF, before)


@pytest.mark.parametrize("given", ["a" * 200, "a-" * 50_000, "1-" * 50_000 + "1"])
@pytest.mark.usefixtures("ten_seconds_of_the_processor")
def test_a_long_cell_is_looked_at_once(given):
    assert KnownIds(["00017", "w1"]).meant(given) == ("", "")
    assert KnownIds([given]).meant("w1") == ("", "")


def test_a_number_that_several_ids_end_in_is_alike_to_none():
    assert KnownIds(["P00017", "C00017"]).meant("17") == ("", "")


@pytest.mark.parametrize("given", ["w9", "w10", "170", "", "1.2.840.113619.2.1", "E5", "-"])
def test_other_ids_are_not_alike(given):
    known = ["w1", "00017", "1.2.840.113619.2.11", "HOSP_000101", "100000"]
    assert KnownIds(known).meant(given) == ("", "")


def test_what_occurs_twice_is_named_once():
    assert same_twice(["17", "00017", "w1", "W1", "w2", "w20"]) == [
        ("00017", "17", "zeros in front"),
        ("W1", "w1", "capitals"),
    ]
