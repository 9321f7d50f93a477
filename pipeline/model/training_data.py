"""What the mammograms of a training were, and in what those that a model meets differ from them."""

from typing import NamedTuple

import pandas as pd

from pipeline.ingest.notes import some
from pipeline.model.calibration import FEW_LESIONS
from pipeline.model.card import ModelCard
from pipeline.model.card_parts import FILM, FILMS, PHANTOM, DataCard
from pipeline.model.seen_patients import (
    calibration_overlap_text,
    patients_among,
    patients_trained_on,
    training_overlap_text,
)

DIGITAL = "digital"
NOT_IN_THE_FILE = "data set or data.spacing_mm"  # in spacing_source
_DETECTORS = {"Nominal Scanned Pixel Spacing": FILM, "Imager Pixel Spacing": DIGITAL}


class Doubt(NamedTuple):
    """A reason not to trust a map."""

    short: str  # a few words for a picture
    text: str


DRAWINGS = Doubt(
    "this model has seen drawings only",
    "The model has only seen drawings: it was trained on the phantom, which a program draws, and "
    "on no mammogram of a woman. Whatever it says of real mammograms means nothing.",
)


def data_behind(mammograms: pd.DataFrame, *, before: DataCard | None = None) -> DataCard:
    """What mammograms are.

    Args:
        mammograms: rows of mammograms.csv.
        before: what the model has seen that the training started from.
    """
    also = before or DataCard(datasets=())
    detectors = {_detector(row) for row in mammograms.itertuples()}
    return DataCard(
        datasets=_names({*mammograms["dataset"], *also.datasets}),
        scanners=_names({*mammograms["scanner"], *also.scanners}),
        detectors=_names({*detectors, *also.detectors}),
    )


def doubts_of(card: ModelCard, mammograms: pd.DataFrame, *, used: int, failed: int) -> list[Doubt]:
    """Why the maps of these mammograms deserve less trust, the worst reason first.

    Args:
        card: of the model that maps them.
        mammograms: rows of mammograms.csv, those that are mapped.
        used, failed: files of the intake.
    """
    patients = mammograms["patient_id"].nunique()
    seen, here = card.data, data_behind(mammograms)
    found = [] if seen is None else list(_differences(seen, here))
    if same := patients_trained_on(card, mammograms):
        at = 1 if found and found[0].short == DRAWINGS.short else 0
        text = _sentence(training_overlap_text(same, of=patients))
        found.insert(at, Doubt("trained on these very women", text))
    if card.calibrated_on and (same := patients_among(mammograms, card.calibrated_on.pixel_hashes)):
        text = _sentence(calibration_overlap_text(same, of=patients))
        found.append(Doubt("calibrated on these very women", text))
    if card.support and card.support.lesions < FEW_LESIONS:
        from pipeline.model.fit import support_text  # scikit-learn: seconds

        short = f"calibrated on {card.support.lesions} findings"
        found.append(Doubt(short, support_text(card.support)))
    guessed = int((mammograms["spacing_source"] == NOT_IN_THE_FILE).sum())
    if guessed:
        text = (
            f"The files of {guessed} of {len(mammograms)} mammograms do not say how large a pixel "
            "is: it was taken from the data set's description or data.spacing_mm. Where that is "
            "wrong, millimetres are, and the model sees everything too large or too small."
        )
        found.append(Doubt("pixel size not in the files", text))
    if failed:
        text = (
            f"{failed} of {used + failed} files could not be used, {failed / (used + failed):.1%}: "
            "they are in no figure. intake.html says why."
        )
        found.append(Doubt("files lost", text))
    return found


def _differences(seen: DataCard, here: DataCard) -> list[Doubt]:
    """In what mammograms differ from those of the training."""
    if here.datasets == (PHANTOM,) and not seen.is_synthetic:
        return []  # the page says what drawings are worth
    if seen.is_synthetic:
        return [] if here.datasets == (PHANTOM,) else [DRAWINGS]
    found = []
    if len(seen.detectors) == 1 and (others := set(here.detectors) - set(seen.detectors)):
        other = others.pop()
        text = (
            f"The model was trained on {_kind(seen.detectors[0])} only, and these mammograms are "
            f"{_kind(other)}: they differ in contrast, noise and sharpness, and how the model does "
            "with them is not known."
        )
        found.append(Doubt(f"trained on {_kind(seen.detectors[0])} only", text))
    unknown = set(here.scanners) - set(seen.scanners)
    if seen.scanners and unknown:
        text = (
            f"The model was trained on other scanners ({some(seen.scanners, most=4)}) than "
            f"{some(sorted(unknown), most=4)}. How it does with their mammograms is not known."
        )
        found.append(Doubt("trained on other scanners", text))
    elif strange := set(here.datasets) - set(seen.datasets):
        text = (
            f"The model was trained on other data ({some(seen.datasets, most=4)}) than these "
            f"({some(sorted(strange), most=4)}). How it does with them is not known."
        )
        found.append(Doubt("trained on other data", text))
    return found


def _detector(mammogram) -> str:
    """What a mammogram was made with; "" where nothing tells."""
    source = mammogram.spacing_source
    known = next((kind for name, kind in _DETECTORS.items() if source.startswith(name)), "")
    return FILM if mammogram.dataset in FILMS else known


def _kind(detector: str) -> str:
    return "scanned films" if detector == FILM else "digital mammograms"


def _names(names: set[str]) -> tuple[str, ...]:
    return tuple(sorted(filter(None, names)))


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]
