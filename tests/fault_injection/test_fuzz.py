"""Damaged files through the reader and the importers: a few of the 100,000 of `make fuzz`."""

import logging
from collections import Counter
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline.run.atomic import read_json
from pipeline.run.map_images import Lost
from tests.fault_injection import fuzz as fuzzing
from tests.fault_injection.fuzz import (
    CRASHED,
    READ,
    REFUSED,
    Batch,
    Crash,
    Tally,
    copy_of,
    try_batch,
)
from tests.fault_injection.fuzz_corpus import SINGLE, build_corpus, samples
from tests.fault_injection.mutations import mutated

# pydicom warns about and logs what it finds in them.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def _quiet():
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("fuzz") / "corpus"
    build_corpus(folder, examples=["rsna"])
    return folder


def tried(corpus: Path, tmp_path: Path, numbers: range, seed: int = 0) -> Tally:
    return try_batch(Batch(corpus, tmp_path / "work", seed, tuple(numbers)))


def test_damaged_files_are_read_or_refused(corpus, tmp_path):
    tally = tried(corpus, tmp_path, range(240))
    assert tally.crashes == []
    assert set(tally.ends) == {SINGLE, "findings", "mias", "pictures", "rsna"}
    every = sum(tally.ends.values(), Counter())
    assert set(every) == {READ, REFUSED} and every.total() == 240
    assert min(every.values()) > 25


def test_damaged_copies_of_the_difficult_files_are_read_or_refused(mammo_data, tmp_path):
    build_corpus(tmp_path / "corpus", mammo_data / "dicom-files", examples=[])
    of_each = dict(samples(tmp_path / "corpus"))
    assert len(of_each[SINGLE]) > 80
    assert tried(tmp_path / "corpus", tmp_path, range(100), seed=1).crashes == []


def test_whole_files_are_read(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(fuzzing, "mutated", lambda data, other, **_: data)
    tally = tried(corpus, tmp_path, range(90))
    assert {name: set(ends) for name, ends in tally.ends.items()} == {
        name: {READ} for name, _ in samples(corpus)
    }


def test_a_copy_follows_from_its_seed_and_number(corpus):
    first = [copy_of(corpus, 0, number) for number in range(60)]
    assert first == [copy_of(corpus, 0, number) for number in range(60)]
    assert len(set(first)) > 55
    data, other = b"a,b\n1,2\n3,4\n" * 9, b"x;y\n"
    assert mutated(data, other, seed=0, number=1) != mutated(data, other, seed=1, number=1)


def test_another_error_is_a_crash_with_the_file_and_the_number(corpus, tmp_path, monkeypatch):
    def broken(path):
        raise KeyError("a fault")

    monkeypatch.setattr(fuzzing, "read_header", broken)
    tally = tried(corpus, tmp_path, range(30))
    assert tally.crashes
    for crash in tally.crashes:
        assert crash.error == "KeyError: 'a fault'"
        assert crash.file.startswith(f"{SINGLE}/")
    assert tally.ends[SINGLE][CRASHED] == len(tally.crashes)


def test_an_image_that_stops_the_ingest_of_others_is_a_crash(corpus, tmp_path, monkeypatch):
    def refuse(request):
        raise fuzzing.UserError("no")

    monkeypatch.setattr(fuzzing, "read_data_set", refuse)
    own = fuzzing._own_folder(corpus, tmp_path / "work")
    assert fuzzing._try_set(own, "rsna", "train.csv", b"") == REFUSED
    with pytest.raises(AssertionError, match="one image stops the ingest"):
        fuzzing._try_set(own, "findings", "w1/a.dcm", b"")
    assert (own / "findings" / "w1" / "a.dcm").stat().st_size > 0  # whole again


def test_a_catalog_that_is_read_back_otherwise_is_a_crash(corpus, tmp_path, monkeypatch):
    def other(run):
        catalog = read(run)
        catalog.images["view"] = "XX"
        return catalog

    read = fuzzing.read_catalog
    monkeypatch.setattr(fuzzing, "read_catalog", other)
    own = fuzzing._own_folder(corpus, tmp_path / "work")
    data = (corpus / "rsna" / "train.csv").read_bytes()
    with pytest.raises(AssertionError, match="images is not read back as it was written"):
        fuzzing._try_set(own, "rsna", "train.csv", data)


def test_a_batch_that_its_worker_did_not_survive_is_tried_copy_by_copy(
    corpus, tmp_path, monkeypatch
):
    def mapped(batches, workers, seconds):
        for batch in batches:
            survived = 4 not in batch.numbers
            yield Tally({SINGLE: Counter(read=1)}) if survived else Lost("died with exit code -11")

    monkeypatch.setattr(fuzzing, "_mapped", mapped)
    (tally,) = fuzzing._tried([Batch(corpus, tmp_path, 0, tuple(range(6)))], None)
    assert fuzzing._sample(corpus, 0, 4)[0] == SINGLE and tally.crashes == []
    assert sum(tally.ends.values(), Counter()) == Counter(read=5, lost=1)
    number = next(n for n in range(999) if fuzzing._sample(corpus, 0, n)[0] != SINGLE)
    tally = fuzzing._lost(Batch(corpus, tmp_path, 0, (number,)), "out of time")
    assert [(crash.number, crash.error) for crash in tally.crashes] == [(number, "out of time")]


def test_the_whole_program_leaves_figures(tmp_path, monkeypatch):
    monkeypatch.setattr(fuzzing, "build_corpus", lambda *_: build_corpus(*_, examples=[]))
    result = fuzzing.fuzz(files=3, seed=0, folder=tmp_path / "out", workers=1)
    assert read_json(tmp_path / "out" / "fuzz.json") == result
    assert result["files"] == 3 and result["crashes"] == []
    assert 50 < result["peak_mib"] < result["bound_mib"]
    assert fuzzing.fuzz_line(result).startswith("3 damaged files (seed 0): 0 crashes of the run")
    assert "| dicom |" in fuzzing.fuzz_markdown(result)


def test_what_was_broken_off_goes_on_where_it_stopped(corpus, tmp_path, monkeypatch):
    tried_now = []

    def ends(batches, workers, seconds):
        for batch in batches:
            tried_now.extend(batch.numbers)
            tally = Tally(peak_mib=10.0 + len(tried_now))
            tally.ends[SINGLE][READ] = len(batch.numbers)
            yield tally
            if stops:
                raise KeyboardInterrupt

    monkeypatch.setattr(fuzzing, "build_corpus", lambda *_: None)
    monkeypatch.setattr(fuzzing, "_mapped", ends)
    stops = True
    with pytest.raises(KeyboardInterrupt):
        fuzzing.fuzz(files=500, seed=0, folder=tmp_path)
    stops = False
    monkeypatch.setattr(fuzzing, "date", SimpleNamespace(today=lambda: date(2030, 1, 1)))
    result = fuzzing.fuzz(files=500, seed=0, folder=tmp_path)
    assert result["date"] == "2030-01-01"  # goes on, be it another day
    assert sorted(tried_now) == list(range(500))
    assert result["files"] == 500 and result["sets"] == {SINGLE: {READ: 500}}
    assert result["peak_mib"] == 510
    fuzzing.fuzz(files=500, seed=1, folder=tmp_path)
    assert len(tried_now) == 1000


def test_what_crashed_is_tried_again(corpus, tmp_path, monkeypatch):
    def ends(batches, workers, seconds):
        for batch in batches:
            tally = Tally()
            tally.ends[SINGLE][READ] = len(batch.numbers)
            if 3 in batch.numbers and broken:
                tally.ends[SINGLE][READ] -= 1
                tally.ends[SINGLE][CRASHED] = 1
                tally.crashes.append(Crash(3, f"{SINGLE}/a.dcm", "ValueError: "))
            yield tally

    monkeypatch.setattr(fuzzing, "build_corpus", lambda *_: None)
    monkeypatch.setattr(fuzzing, "_keep", lambda *_: None)
    monkeypatch.setattr(fuzzing, "_mapped", ends)
    broken = True
    assert len(fuzzing.fuzz(files=300, seed=0, folder=tmp_path)["crashes"]) == 1
    broken = False
    result = fuzzing.fuzz(files=300, seed=0, folder=tmp_path)
    assert result["crashes"] == [] and result["sets"] == {SINGLE: {READ: 300}}
