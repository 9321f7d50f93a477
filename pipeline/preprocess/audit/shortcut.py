"""Shortcuts: can the label be told without looking at any breast?

Where abnormal images come from another scanner, another film or another export than normal
ones, a network learns the origin, and its figures say nothing about abnormalities. Zech et al.
2018, doi:10.1371/journal.pmed.1002683, found that in chest radiographs.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.figures.figure import Figure
from pipeline.preprocess.audit.background import AIR_KEYS, BACKGROUND_KEYS
from pipeline.preprocess.audit.predictable import FEWEST_PATIENTS, predictability

SOURCES = {"dataset": "data set", "site": "site", "scanner": "scanner"}
NOT_NAMED = "(not named)"
# A source with one class only is by chance so with this probability: then it is no warning.
_BY_CHANCE = 0.01


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


def question_of(mammograms: pd.DataFrame, outlines: Mapping[str, list[dict]]) -> Question:
    """Abnormal against normal; where too few are normal, malignant against benign.

    Abnormal is an image with an outline that counts, or known to be abnormal without any
    outline. Malignant and benign are images with outlines of that pathology, malignant first.
    Either kind needs 10 patients; where neither question has them, it is the first.

    Args:
        mammograms: mammograms.csv: image_id, patient_id, outcome and the SOURCES.
        outlines: outlines.json.
    """
    ordered = mammograms.sort_values("image_id", ignore_index=True)
    entries = [outlines.get(image_id, []) for image_id in ordered["image_id"]]
    outcomes = zip(entries, ordered["outcome"], strict=True)
    abnormal = _question(
        "abnormal", "normal", ordered, [_abnormality(of, outcome) for of, outcome in outcomes]
    )
    malignant = _question("malignant", "benign", ordered, [_malignancy(of) for of in entries])
    return malignant if not _enough(abnormal) and _enough(malignant) else abnormal


def shortcut_auc(
    question: Question, backgrounds: Mapping[str, Mapping[str, float]], *, seed: int
) -> Figure:
    """How well the question is answered from `background_statistics` alone.

    Args:
        backgrounds: of every image of the question.
    """
    table = pd.DataFrame([backgrounds[i] for i in question.images["image_id"]])
    table = table.reindex(columns=list(BACKGROUND_KEYS)).astype(float)
    table.loc[table.pop("air_known") == 0, list(AIR_KEYS)] = np.nan
    return _predictability(question, table.to_numpy(), seed=seed)


def source_auc(question: Question, column: str, *, seed: int) -> Figure:
    """How well the question is answered from a column of SOURCES alone."""
    indicators = pd.get_dummies(question.images[column]).to_numpy(np.float64)
    return _predictability(question, indicators, seed=seed)


def source_rows(question: Question, column: str) -> list[dict]:
    """Counts of each value of a column of SOURCES, and whether it has one kind only.

    Returns:
        `name`, `patients`, `positive` and `negative` (images), `one_class` (bool) and
        `by_chance`: the probability that so many patients are all of this kind, from the share
        of such patients in the rest; 1 where both kinds are there.
    """
    images = question.images
    rows = []
    for name, part in images.groupby(column):
        rest = images[images[column] != name]
        positive = int(part["label"].sum())
        one_class = positive in (0, len(part))
        rows.append(
            {
                "name": name or NOT_NAMED,
                "patients": int(part["patient_id"].nunique()),
                "positive": positive,
                "negative": len(part) - positive,
                "one_class": one_class and len(rest) > 0,
                "by_chance": _chance(part, rest) if one_class else 1.0,
            }
        )
    return rows


def is_telling(row: Mapping) -> bool:
    """Whether a source has one kind only, and hardly by chance."""
    return row["one_class"] and row["by_chance"] < _BY_CHANCE


def _chance(part: pd.DataFrame, rest: pd.DataFrame) -> float:
    label = part["label"].iloc[0]
    alike = (rest["label"] == label).groupby(rest["patient_id"]).all()
    # Laplace's rule: a rest of few patients is no certainty.
    share = (alike.sum() + 1) / (len(alike) + 2)
    return float(share ** part["patient_id"].nunique())


def _predictability(question: Question, features: np.ndarray, *, seed: int) -> Figure:
    images = question.images
    return predictability(
        features,
        list(images["label"]),
        list(images["patient_id"]),
        kinds=(question.negative, question.positive),
        seed=seed,
    )


def _question(
    positive: str, negative: str, images: pd.DataFrame, labels: list[int | None]
) -> Question:
    known = np.array([label is not None for label in labels], bool)
    chosen = images[known].assign(label=[label for label in labels if label is not None])
    return Question(positive, negative, chosen.reset_index(drop=True))


def _enough(question: Question) -> bool:
    patients = question.images.groupby("label")["patient_id"].nunique()
    return len(patients) == 2 and bool(patients.min() >= FEWEST_PATIENTS)


def _abnormality(entries: list[dict], outcome: str) -> int | None:
    if any(entry["positive"] for entry in entries):
        return 1
    if entries:
        return None
    return {"abnormal": 1, "normal": 0}.get(outcome)


def _malignancy(entries: list[dict]) -> int | None:
    pathologies = {entry["pathology"] for entry in entries}
    if "malignant" in pathologies:
        return 1
    return 0 if any(pathology.startswith("benign") for pathology in pathologies) else None
