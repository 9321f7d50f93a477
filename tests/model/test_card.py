"""model.json: what is written is read again, and what is wrong is a sentence."""

import json
from dataclasses import fields

import pytest

from models.network import NetworkSpec
from pipeline.model.card import (
    card_path,
    find_model,
    has_model,
    model_folder,
    read_card,
    write_card,
)
from pipeline.model.card_parts import NetworkCard
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder
from tests.model.cards import SITE, a_card, write_a_card


def rewrite(folder, edit) -> None:
    """Change the JSON of a card by hand, as a damage or other code would."""
    tree = json.loads(card_path(folder).read_text())
    edit(tree)
    card_path(folder).write_text(json.dumps(tree))


def test_what_was_written_is_read_again(tmp_path):
    card = write_a_card(tmp_path, calibrated_on=SITE, maps={"level_share": 0.5}, usual_level=-1.0)
    found = read_card(tmp_path)
    assert found.model_dump() == card.model_dump()
    assert (found.folder, found.level, found.copies) == (tmp_path, -1.0, 1)
    before = card_path(tmp_path).read_bytes()
    write_card(tmp_path, found)
    assert card_path(tmp_path).read_bytes() == before


def test_a_card_names_what_builds_the_network():
    assert set(NetworkCard.model_fields) == {field.name for field in fields(NetworkSpec)}
    defaults = NetworkSpec("valid", 64)
    assert NetworkCard(backbone="valid", patch_px=64).model_dump() == vars(defaults)


def test_copies_are_mirrored_ones_of_each_size_of_each_network():
    card = a_card(maps={"flips": 2, "zooms": (0.8, 1.0)}, network={"members": 3})
    assert card.copies == 12


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda tree: tree.pop("calibration"), r"calibration: Field required"),
        (lambda tree: tree["training"].pop("steps"), r"training\.steps: Field required"),
        (lambda tree: tree["calibration"].update(temperature=0.0), r"temperature: .* than 0"),
        (lambda tree: tree["calibration"].update(natural_prior=1), r"natural_prior: .* than 1"),
        (lambda tree: tree["calibration"].update(training_prior="0.5"), r"training_prior: .*'0.5'"),
        (lambda tree: tree["calibration"].update(bias=1.0), r"bias: .*[Uu]nexpected"),
        (lambda tree: tree["image"].update(spacing_mm="0.2"), r"image\.spacing_mm: .*'0\.2'"),
        (lambda tree: tree["network"].update(members=0), r"network\.members: .*1"),
        (lambda tree: tree["network"].update(members=10**9), r"network\.members: .*1000"),
        (lambda tree: tree["network"].update(members=1.5), r"network\.members: .*1\.5"),
        (lambda tree: tree["network"].update(backbone="valit"), r"did you mean valid"),
        (lambda tree: tree["network"].update(depth=3), r"network\.depth"),
        (lambda tree: tree.update(region_threshold=float("nan")), r"region_threshold: .*nan"),
        (lambda tree: tree.update(region_threshold=[0.2]), r"region_threshold: "),
        (lambda tree: tree.update(network=["valid"]), r"network: "),
        (lambda tree: tree["network"].update(patch_px=10**6), r"patch_px: .*at most 500 mm"),
        (lambda tree: tree["network"].update(kinds=10**9), r"network\.kinds: .*1000"),
        (lambda tree: tree["maps"].update(zooms=[1.0] * 10**4), r"maps\.zooms: "),
        (lambda tree: tree["calibration"].update(temperature=float("nan")), r"temperature: .*nan"),
        (lambda tree: tree["maps"].update(level_share=0.5), r"lacks usual_level"),
    ],
)
def test_a_card_that_is_not_whole_says_where_and_what_to_do(tmp_path, edit, words):
    write_a_card(tmp_path)
    rewrite(tmp_path, edit)
    with pytest.raises(UserError, match=words) as refused:
        read_card(tmp_path)
    assert str(card_path(tmp_path)) in str(refused.value)
    assert "make train FORCE=1" in str(refused.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"[1]", "not a list"),
        (b"3", "not a int"),
        (b"{", "must be JSON"),
        (b"", "must be JSON"),
        (b"\xff\xfe", "must be JSON"),
        (b"[" * 10**5, "must be JSON"),
        (b"9" * 5000, "must be JSON"),
    ],
    ids=range(7),
)
def test_what_is_no_object_is_refused(tmp_path, text, words):
    card_path(tmp_path).write_bytes(text)
    with pytest.raises(UserError, match=words):
        read_card(tmp_path)


@pytest.mark.parametrize("number", [None, 0, 1, 3, "2"])
def test_another_format_is_refused_with_what_to_do(tmp_path, number):
    write_a_card(tmp_path)
    rewrite(tmp_path, lambda tree: tree.update(format=number))
    with pytest.raises(UserError, match=r"this code reads format 2.*make train FORCE=1"):
        read_card(tmp_path)


def test_what_an_older_card_does_not_name_is_as_it_was_before_the_choice(tmp_path):
    write_a_card(tmp_path)

    def older(tree):
        for name in ("kinds", "head", "members", "core_px"):
            del tree["network"][name]
        for name in ("kinds", "usual_level", "candidate_score", "calibrated_on"):
            del tree[name]
        del tree["region_threshold_source"]
        for name in ("pixel_hashes", "folds", "members", "best_step", "validation_froc"):
            del tree["training"][name]

    rewrite(tmp_path, older)
    card = read_card(tmp_path)
    assert (card.network.head, card.network.members, card.level) == ("sigmoid", 1, 0.0)
    assert card.training.pixel_hashes == () and card.calibrated_on is None


def test_a_folder_without_a_card_holds_no_model(tmp_path):
    assert not has_model(tmp_path)
    with pytest.raises(UserError, match="holds no finished model"):
        read_card(tmp_path)


def test_a_model_is_found_in_its_folder_and_in_its_run(tmp_path):
    run = RunFolder(tmp_path)
    assert find_model(tmp_path) is None
    write_a_card(run.model)
    assert find_model(tmp_path) == find_model(run.model) == run.model == model_folder(run)


def test_a_run_without_a_model_says_how_to_get_one(tmp_path):
    with pytest.raises(UserError, match=r"is missing: no finished model there. Run make train"):
        model_folder(RunFolder(tmp_path))
