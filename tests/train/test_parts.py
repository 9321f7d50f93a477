"""Which women each network of an ensemble leaves out."""

from collections import Counter

import pandas as pd
import pytest

from pipeline.annotations.outlines import Circle, Outline
from pipeline.run.errors import UserError
from pipeline.train.data.inputs import Tables, corpus_of, inputs_of, read_tables
from pipeline.train.parts import leaving_out, parts_of, that_train
from tests.train.toy_run import stage_of, toy_settings


def a_table(women):
    """Two mammograms of each woman.

    Args:
        women: (name, split, lesions, whether she has a finding that does not count).
    """
    benign = Outline("b", "mass", "benign", False, Circle(1.0, 1.0, 1.0))
    mammograms = [
        {"image_id": f"{w}{side}", "patient_id": w, "split": split, "outcome": "normal"}
        for w, split, _, _ in women
        for side in "LR"
    ]
    positions = [
        {
            "image_id": f"{w}L",
            "patient_id": w,
            "split": split,
            "label": int(i < lesions),
            "finding_id": f"{w}-{i}" if i < lesions else "",
        }
        for w, split, lesions, _ in women
        for i in [*range(lesions), *range(lesions), 99]  # two positive positions of each lesion
    ]
    outlines = {f"{w}L": [benign] for w, _, _, other in women if other}
    return Tables(pd.DataFrame(mammograms), outlines, pd.DataFrame(positions))


WOMEN = [
    ("a", "train", 3, False),
    ("b", "validation", 2, False),
    ("c", "train", 1, False),
    ("d", "train", 1, False),
    ("e", "train", 0, True),
    ("f", "validation", 0, True),
    *((name, "train", 0, False) for name in "ghij"),
    ("x", "test", 5, False),
    ("y", "test", 0, False),
]


def test_lesions_are_dealt_forth_and_back_then_other_findings_then_none():
    parts = parts_of(a_table(WOMEN), toy_settings(members=2))
    assert parts["a"] == 1 and parts["b"] == 2  # three lesions, two lesions
    assert sorted(parts[w] for w in "cd") == [1, 2]
    assert sorted(parts[w] for w in "ef") == [1, 2]
    assert sorted(parts[w] for w in "ghij") == [1, 1, 2, 2]


def test_lesions_are_spread_evenly():
    women = [
        (name, "train", lesions, False) for name, lesions in zip("abcd", (4, 3, 2, 1), strict=True)
    ]
    parts = parts_of(a_table(women), toy_settings(members=2))
    assert parts == {"a": 1, "b": 2, "c": 2, "d": 1}  # five lesions each


def test_every_woman_is_left_out_once_and_no_test_woman_ever():
    for members in (2, 3, 4):
        parts = parts_of(a_table(WOMEN), toy_settings(members=members))
        assert set(parts) == set("abcdefghij")
        sizes = Counter(parts.values())
        assert set(sizes) == set(range(1, members + 1))
        assert max(sizes.values()) - min(sizes.values()) <= 1


def test_the_parts_depend_on_the_women_and_the_seed_of_the_split_alone():
    settings = toy_settings(members=2)
    parts = parts_of(a_table(WOMEN), settings)
    assert parts_of(a_table(WOMEN[::-1]), settings) == parts
    assert parts_of(a_table(WOMEN), toy_settings(members=2, seed=5)) == parts
    women = [(f"w{i}", "train", 0, False) for i in range(30)]
    other = settings.model_copy(update={"split": settings.split.model_copy(update={"seed": 1})})
    assert parts_of(a_table(women), other) != parts_of(a_table(women), settings)


def test_fewer_women_than_networks_are_refused():
    with pytest.raises(UserError, match=r"train\.members=11 wants .* there are 10"):
        parts_of(a_table(WOMEN), toy_settings(members=11))
    with pytest.raises(UserError, match=r"there are 0"):
        parts_of(a_table([women for women in WOMEN if women[1] == "test"]), toy_settings(members=2))


def test_a_split_without_anybody_to_train_on_is_told(toy_run):
    table = pd.read_csv(toy_run.mammograms).assign(split="test")
    table.to_csv(toy_run.mammograms, index=False)
    with pytest.raises(UserError, match=r"All \d+ patients are held out.*Lower split\.test"):
        read_tables(stage_of(toy_run, toy_settings(members=2)))


def test_a_network_never_meets_its_part_in_training(shared_toy_run):
    settings = toy_settings(members=3)
    tables = read_tables(stage_of(shared_toy_run, settings))
    parts, validated = parts_of(tables, settings), []
    for number in (1, 2, 3):
        own = leaving_out(tables, parts, number)
        inputs = inputs_of(own, settings)
        trained = {image.patient_id for image in inputs.corpus.images}
        left_out = [image.patient_id for image in inputs.validation]
        assert {parts[p] for p in left_out} == {number}
        assert trained == set(parts) - set(left_out)
        stores = {image.store for image in inputs.corpus.images}
        assert not stores & {image.store for image in inputs.validation}
        assert (
            own.positions["split"]
            == own.positions["patient_id"].map(own.mammograms.set_index("patient_id")["split"])
        ).all()
        validated += left_out
    assert sorted(validated) == [f"p{i}" for i in range(9)]


def test_false_alarms_are_mined_on_all_women_whom_a_network_is_trained_on(shared_toy_run):
    for members, count in ((1, 6), (3, 9)):
        settings = toy_settings(members=members)
        tables = that_train(read_tables(stage_of(shared_toy_run, settings)), settings)
        assert len(corpus_of(tables, settings).images) == count


def test_that_there_is_no_outline_is_said_before_the_number_of_networks():
    women = [(name, "train", 0, False) for name in "abc"]
    with pytest.raises(UserError, match="None of the 6 training mammograms has an outline"):
        parts_of(a_table(women), toy_settings(members=4))
