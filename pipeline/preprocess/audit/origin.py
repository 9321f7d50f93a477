"""The audits of origin: can the label be told without looking at any breast?

Where abnormal images come from another scanner, another film or another export than normal
ones, a network learns the origin, and its figures say nothing about abnormalities. Zech et al.
2018, doi:10.1371/journal.pmed.1002683, found that in chest radiographs.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from pipeline.figures.figure import Figure
from pipeline.preprocess.audit.background import AIR_KEYS, BACKGROUND_KEYS
from pipeline.preprocess.audit.question import INFO, WARNING, Question, finding

SOURCES = {"dataset": "data set", "site": "site", "scanner": "scanner"}
NOT_NAMED = "(not named)"
# A source with one class only is by chance so with this probability: then it is no warning.
_BY_CHANCE = 0.01


def audit_shortcut(
    question: Question, backgrounds: Mapping[str, Mapping[str, float]]
) -> tuple[dict, list[dict]]:
    """How well the question is answered from `background_statistics` alone.

    Args:
        backgrounds: `background` of each image in the store, by image id.

    Returns:
        `question`, `kinds`, `auc`, `patients`, `positive` and `negative` (images); and the
        finding.
    """
    table = pd.DataFrame([backgrounds[image_id] for image_id in question.images["image_id"]])
    table = table.reindex(columns=list(BACKGROUND_KEYS)).astype(float)
    table.loc[table.pop("air_known") == 0, list(AIR_KEYS)] = np.nan
    auc = question.answered_from(table.to_numpy())
    section = {
        "question": f"{question.positive} against {question.negative}",
        "kinds": [question.positive, question.negative],
        "auc": auc.as_dict(),
        "patients": int(question.images["patient_id"].nunique()),
        "positive": int(question.images["label"].sum()),
        "negative": int((question.images["label"] == 0).sum()),
    }
    level, what = INFO, "air beside the breast, the borders and the size of the image"
    if auc.low is None or auc.high is None:
        text = f"No search for shortcuts, {section['question']}: {auc.reason}."
    elif auc.low > 0.5:
        level = WARNING
        text = (
            f"SHORTCUT: {_told(question, what, auc)}. A network can learn where an image comes "
            "from instead of what it shows. Look at the sources, and compare within one of them."
        )
    elif auc.high < 0.5:
        level = WARNING
        text = (
            f"{_told(question, what, auc)}, worse than by chance: what tells them apart in one "
            "part of the patients is the other way round in the rest. Look at the sources."
        )
    else:
        text = (
            f"No shortcut found: {_told(question, what, auc)}. A shortcut of up to "
            f"{auc.high:.2f} cannot be excluded."
        )
    return section, [finding(level, text)]


def audit_sources(question: Question) -> tuple[list[dict], list[dict]]:
    """How well the question is answered from each of SOURCES alone, and what is one-sided.

    Returns:
        `source`, `auc` and `rows` of each; and the findings, of the AUCs first. A row has
        `name`, `patients`, `positive` and `negative` (images), `one_class` (bool) and
        `by_chance`: the probability that so many patients are all of this kind, from the share
        of such patients in the rest; 1 where both kinds are there.
    """
    sections: list[dict] = []
    of_aucs: list[dict] = []
    of_rows: list[dict] = []
    for column, source in SOURCES.items():
        indicators = pd.get_dummies(question.images[column]).to_numpy(np.float64)
        auc = question.answered_from(indicators)
        rows = _source_rows(question.images, column)
        sections.append({"source": source, "auc": auc.as_dict(), "rows": rows})
        if auc.low is not None and auc.low > 0.5:
            told = f"{_told(question, source, auc)}. Compare results within one {source}."
            of_aucs.append(finding(WARNING, told))
        of_rows += _one_sided(question, source, rows)
    return sections, of_aucs + of_rows


def _told(question: Question, what: str, auc: Figure) -> str:
    return (
        f"{question.positive} and {question.negative} images are told apart by the {what} alone "
        f"with an AUC of {auc.value:.2f} ({auc.low:.2f} to {auc.high:.2f})"
    )


def _source_rows(images: pd.DataFrame, column: str) -> list[dict]:
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


def _chance(part: pd.DataFrame, rest: pd.DataFrame) -> float:
    alike = (rest["label"] == part["label"].iloc[0]).groupby(rest["patient_id"]).all()
    # Laplace's rule: a rest of few patients is no certainty.
    share = (alike.sum() + 1) / (len(alike) + 2)
    return float(share ** part["patient_id"].nunique())


def _one_sided(question: Question, source: str, rows: list[dict]) -> Iterator[dict]:
    for row in rows:
        if not row["one_class"]:
            continue
        kinds = question.positive, question.negative
        kind, other = kinds if row["positive"] else kinds[::-1]
        images = row["positive"] + row["negative"]
        text = f"The {source} {row['name']} has {kind} images only ({images} of {row['patients']} "
        if row["by_chance"] < _BY_CHANCE:
            text += f"patients), {other} ones come from elsewhere: its look gives the label away."
            yield finding(WARNING, text)
        else:
            yield finding(INFO, f"{text}patients); with so few patients that is no surprise.")
