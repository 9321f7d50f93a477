"""Whether a model meets women that it was trained on."""

import pandas as pd
import pytest

from pipeline.model.card import ModelCard, read_card
from pipeline.model.seen_patients import met_in_training, patients_trained_on
from pipeline.preprocess.tables import write_mammograms
from pipeline.run.atomic import write_json
from pipeline.run.layout import RunFolder
from tests.heatmap.small_run import mammogram_row
from tests.model.cards import write_a_card


def mammograms(**women: str) -> pd.DataFrame:
    """One of each woman, with its part of the split, and pixels that nobody knows."""
    rows = [
        mammogram_row(woman, woman, patient_id=woman, split=split, pixel_sha256=f"{woman} later")
        for woman, split in women.items()
    ]
    return pd.DataFrame(rows)


@pytest.fixture
def former(tmp_path) -> RunFolder:
    """The run of a training on two women of a hospital, with a third as its test."""
    run = RunFolder(tmp_path / "former")
    write_a_card(run.model, training={"pixel_hashes": ["z"]})
    write_mammograms(run, mammograms(ptrain="train", pvalid="validation", ptest="test"))
    write_json(run.catalog, {"pseudonyms": "abc"})
    return run


LATER = mammograms(ptrain="test", pvalid="test", ptest="test", pnew="test")


def card_of(run: RunFolder) -> ModelCard:
    return read_card(run.model)


def test_other_mammograms_of_a_hospitals_women_are_known_by_their_pseudonyms(former):
    met = met_in_training(card_of(former), LATER)
    assert dict(zip(LATER["patient_id"], met, strict=True)) == {
        "ptrain": True,
        "pvalid": True,
        "ptest": False,
        "pnew": False,
    }
    assert patients_trained_on(card_of(former), LATER) == 2


def test_ids_that_are_no_pseudonyms_may_be_those_of_other_women(former):
    write_json(former.catalog, {})
    assert patients_trained_on(card_of(former), LATER) == 0


def test_a_model_whose_run_is_gone_or_damaged_knows_pixels_only(former):
    former.mammograms.write_text("image_id\n")
    assert patients_trained_on(card_of(former), LATER) == 0
    former.mammograms.unlink()
    former.catalog.unlink()
    known = LATER.assign(pixel_sha256=["z", "x", "x", "x"])
    assert patients_trained_on(card_of(former), known) == 1


def test_a_woman_whose_pixels_are_known_is_met_in_all_her_mammograms(former):
    two = pd.concat([mammograms(pnew="test").assign(pixel_sha256="z"), mammograms(pnew="test")])
    assert list(met_in_training(card_of(former), two)) == [True, True]
