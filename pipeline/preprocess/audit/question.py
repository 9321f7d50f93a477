"""What the audits look at, and which two kinds of images they tell apart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.annotations.outlines import Outline, Outlines
from pipeline.figures.figure import Figure
from pipeline.preprocess.audit.predictable import FEWEST_PATIENTS, predictability

WARNING, INFO = "warning", "info"


@dataclass(frozen=True)
class Question:
    """Which two kinds of images are told apart.

    Attributes:
        positive, negative: names of the kinds.
        images: rows of mammograms.csv of either kind, ordered by image id, with `label` 1 or 0.
    """

    positive: str
    negative: str
    images: pd.DataFrame

    @property
    def words(self) -> str:
        return f"{self.positive} against {self.negative}"

    def answered_from(self, features: np.ndarray, *, seed: int) -> Figure:
        """How well the kinds are told apart by features of the images, (n, k) float64."""
        return predictability(
            features,
            list(self.images["label"]),
            list(self.images["patient_id"]),
            kinds=(self.negative, self.positive),
            seed=seed,
        )


@dataclass(frozen=True)
class AuditData:
    """What every audit is given.

    Attributes:
        question: which kinds of images are told apart.
        mammograms: mammograms.csv.
        outlines: by image id, in original pixels.
        backgrounds: `background` of each image in the store, by image id.
        seed: of the cross-validation and the bootstrap.
    """

    question: Question
    mammograms: pd.DataFrame
    outlines: Outlines
    backgrounds: Mapping[str, Mapping[str, float]]
    seed: int


def finding(level: str, text: str) -> dict[str, str]:
    """What an audit says: a sentence that is a warning or for information."""
    return {"level": level, "text": text[0].upper() + text[1:]}


def auc_text(auc: Figure) -> str:
    """An AUC with its interval."""
    return f"{auc.value:.2f} ({auc.low:.2f} to {auc.high:.2f})"


def question_of(mammograms: pd.DataFrame, outlines: Outlines) -> Question:
    """Abnormal against normal; where too few are normal, malignant against benign.

    Abnormal is an image with an outline that counts, or known to be abnormal without any
    outline. Malignant and benign are images with outlines of that pathology, malignant first.
    Either kind needs 10 patients; where neither question has them, it is the first.

    Args:
        mammograms: mammograms.csv: image_id, patient_id, outcome.
        outlines: by image id, in original pixels.
    """
    ordered = mammograms.sort_values("image_id", ignore_index=True)
    found = [outlines.get(image_id, []) for image_id in ordered["image_id"]]
    outcomes = zip(found, ordered["outcome"], strict=True)
    abnormal = _question(
        "abnormal", "normal", ordered, [_abnormality(of, outcome) for of, outcome in outcomes]
    )
    malignant = _question("malignant", "benign", ordered, [_malignancy(of) for of in found])
    return malignant if not _enough(abnormal) and _enough(malignant) else abnormal


def _question(
    positive: str, negative: str, images: pd.DataFrame, labels: list[int | None]
) -> Question:
    known = np.array([label is not None for label in labels], bool)
    chosen = images[known].assign(label=[label for label in labels if label is not None])
    return Question(positive, negative, chosen.reset_index(drop=True))


def _enough(question: Question) -> bool:
    patients = question.images.groupby("label")["patient_id"].nunique()
    return len(patients) == 2 and bool(patients.min() >= FEWEST_PATIENTS)


def _abnormality(outlines: Sequence[Outline], outcome: str) -> int | None:
    if any(outline.positive for outline in outlines):
        return 1
    if outlines:
        return None
    return {"abnormal": 1, "normal": 0}.get(outcome)


def _malignancy(outlines: Sequence[Outline]) -> int | None:
    pathologies = {outline.pathology for outline in outlines}
    if "malignant" in pathologies:
        return 1
    return 0 if any(pathology.startswith("benign") for pathology in pathologies) else None
