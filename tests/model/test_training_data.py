"""What a model was trained on, and the doubts where it meets something else."""

import pandas as pd
import pytest

from pipeline.model.card import ModelCard
from pipeline.model.training_data import DRAWINGS, NOT_IN_THE_FILE, data_behind, doubts_of
from tests.heatmap.small_run import mammogram_row
from tests.model.cards import SUPPORT, a_card


def mammograms(dataset: str, scanner: str = "", source: str = "Imager Pixel Spacing"):
    row = {"dataset": dataset, "scanner": scanner, "spacing_source": source}
    return pd.DataFrame([mammogram_row("a", "a", pixel_sha256="a" * 64, **row)])


def trained_on(table: pd.DataFrame, **training) -> ModelCard:
    return a_card(training={"data": data_behind(table).model_dump(), **training})


def shorts(card: ModelCard, here: pd.DataFrame, *, failed: int = 0) -> list[str]:
    return [doubt.short for doubt in doubts_of(card, here, used=9, failed=failed)]


PHANTOM, FILM = mammograms("phantom", "SYNTHETIC phantom"), mammograms("mias")
DIGITAL = mammograms("dicom", "Maker A")


def test_a_model_that_has_seen_drawings_says_so_first_on_anything_else():
    seen = trained_on(PHANTOM, pixel_hashes=("a" * 16,))
    assert shorts(seen, FILM, failed=3)[0] == DRAWINGS.short
    assert shorts(trained_on(PHANTOM), PHANTOM) == []
    assert "means nothing" in DRAWINGS.text


def test_an_older_card_tells_it_by_its_settings():
    old = a_card(settings={"data": {"importer": "phantom"}})
    assert shorts(old, DIGITAL) == [DRAWINGS.short]
    assert shorts(a_card(), DIGITAL) == []


@pytest.mark.parametrize(
    ("seen", "here", "expected"),
    [
        (FILM, DIGITAL, ["trained on scanned films only", "trained on other data"]),
        (DIGITAL, FILM, ["trained on digital mammograms only", "trained on other data"]),
        (DIGITAL, mammograms("dicom", "Maker B"), ["trained on other scanners"]),
        (DIGITAL, DIGITAL, []),
    ],
)
def test_other_detectors_scanners_and_data_are_doubts(seen, here, expected):
    assert shorts(trained_on(seen), here) == expected


def test_these_very_women_few_findings_guessed_pixels_and_lost_files_follow():
    seen = trained_on(FILM, pixel_hashes=("a" * 16,))
    card = seen.model_copy(update={"support": a_card(support=SUPPORT).support})
    here = mammograms("mias", source=NOT_IN_THE_FILE)
    assert shorts(card, here, failed=1) == [
        "trained on these very women",
        "calibrated on 7 findings",
        "pixel size not in the files",
        "files lost",
    ]
