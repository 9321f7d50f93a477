"""Patient ids that may be several women, or of which two may be one."""

import time

import pandas as pd
import pytest

from pipeline.ingest.patient_doubts import is_placeholder, patient_doubts


def doubts(*patients: str) -> list[str]:
    return patient_doubts(pd.DataFrame({"patient_id": list(patients)}, dtype=str))


@pytest.mark.parametrize(
    "name",
    [
        "ANONYMOUS",
        "anon",
        "Anonymized^Patient",
        "DE-IDENTIFIED",
        "XXXX",
        "Unknown",
        "N/A",
        "no name",
    ],
)
def test_a_word_in_place_of_an_id_is_doubted(name):
    assert is_placeholder(name)
    (note,) = doubts("w1", "w2", name)
    assert f"may stand for several women: {name!r} (1 images)" in note


@pytest.mark.parametrize("name", ["w1", "anon17", "0", "A", "patient-3", "P_00038", "HOSP_000101"])
def test_an_id_is_no_placeholder(name):
    assert not is_placeholder(name)
    assert doubts(name, "w2") == []


def test_an_id_with_many_more_images_than_the_others_is_doubted():
    others = [f"w{number}" for number in range(10) for _ in range(4)]
    assert doubts(*others, *["z"] * 20) == []
    assert "'z' (21 images)" in doubts(*others, *["z"] * 21)[0]


def test_one_id_for_everything_is_doubted():
    assert doubts(*["111"] * 8) == []
    assert "'111' (9 images)" in doubts(*["111"] * 9)[0]
    assert doubts() == []


def test_a_few_ids_with_many_images_each_may_be_classes():
    (note,) = doubts(*["sick ones"] * 9, *["well"] * 9)
    assert "may stand for several women: 'sick ones' (9 images), 'well' (9 images)" in note
    assert doubts(*["sick ones"] * 8, *["well"] * 8) == []
    assert doubts(*(f"w{woman}" for woman in range(6) for _ in range(9))) == []


def test_ids_that_look_like_one_woman_are_named():
    (note,) = doubts("00017", "17", "W1", "w1", "7_L", "7-R", "8", "80")
    assert note.startswith("patient ids that look like one woman twice: ")
    for pair in (
        "'00017' and '17' (zeros in front)",
        "'W1' and 'w1' (capitals)",
        "'7-R' and '7_L' (side or view at the end)",
    ):
        assert pair in note


def test_an_id_for_each_image_is_doubted():
    each = [f"p{number}x" for number in range(10)]
    (note,) = doubts(*each)
    assert note.startswith("10 of 10 patient ids have a single image, as if each file had an id")
    assert doubts(*each[:9]) == []
    assert doubts(*each, each[0], each[1]) == []


def test_ids_that_the_files_say_are_one_woman_are_named_as_she_is_called():
    images = pd.DataFrame({"patient_id": ["a1", "k7"]})
    (note,) = patient_doubts(images, lambda kind, name: f"{kind}:{name}", [("a1", "k7", "why")])
    assert "one woman twice: 'patient:a1' and 'patient:k7' (why); they are" in note


def test_a_long_id_takes_no_long_time():
    began = time.process_time()
    patient_doubts(pd.DataFrame({"patient_id": ["-" * 50_000 + "1", "w1"]}))
    assert time.process_time() - began < 2
