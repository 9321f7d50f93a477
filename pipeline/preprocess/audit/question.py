"""Which two kinds of images the audits tell apart, and how they say what they found."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.annotations.outlines import Outline, Outlines
from pipeline.figures.figure import Figure

WARNING, INFO = "warning", "info"


@dataclass(frozen=True)
class Question:
    """Which two kinds of images are told apart."""

    # positive, negative: names of the kinds
    positive: str
    negative: str
    # rows of mammograms.csv of either kind, ordered by image id, with `label` 1 or 0
    images: pd.DataFrame

    def answered_from(self, features: np.ndarray) -> Figure:
        """How well the kinds are told apart by features of the images, (n, k) float64."""
        from pipeline.preprocess.audit.predictable import predictability  # scikit-learn: seconds

        return predictability(
            features,
            list(self.images["label"]),
            list(self.images["patient_id"]),
            kinds=(self.negative, self.positive),
        )


def finding(level: str, text: str) -> dict[str, str]:
    """What an audit says: a sentence that is a warning or for information."""
    return {"level": level, "text": text[0].upper() + text[1:]}


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
    abnormal = _question(
        "abnormal", "normal", ordered, map(_abnormality, found, ordered["outcome"])
    )
    malignant = _question("malignant", "benign", ordered, map(_malignancy, found))
    return malignant if not _enough(abnormal) and _enough(malignant) else abnormal


def _question(
    positive: str, negative: str, images: pd.DataFrame, labels: Iterable[int | None]
) -> Question:
    labelled = images.assign(label=pd.array(list(labels), "Int64")).dropna(subset="label")
    return Question(positive, negative, labelled.astype({"label": "int64"}).reset_index(drop=True))


def _enough(question: Question) -> bool:
    patients = question.images.groupby("label")["patient_id"].nunique()
    from pipeline.preprocess.audit.predictable import FEWEST_PATIENTS  # as above

    return len(patients) == 2 and bool(patients.min() >= FEWEST_PATIENTS)


def _abnormality(outlines: Sequence[Outline], outcome: str) -> int | None:
    if any(outline.positive for outline in outlines):
        return 1
    return None if outlines else {"abnormal": 1, "normal": 0}.get(outcome)


def _malignancy(outlines: Sequence[Outline]) -> int | None:
    pathologies = {outline.pathology for outline in outlines}
    if "malignant" in pathologies:
        return 1
    return 0 if any(pathology.startswith("benign") for pathology in pathologies) else None
