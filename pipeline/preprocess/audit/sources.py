"""The audit of sources: can the label be told from data set, site or scanner alone?"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from pipeline.figures.figure import Figure
from pipeline.preprocess.audit.question import INFO, WARNING, AuditData, Question, auc_text, finding

SOURCES = {"dataset": "data set", "site": "site", "scanner": "scanner"}
NOT_NAMED = "(not named)"
# A source with one class only is by chance so with this probability: then it is no warning.
_BY_CHANCE = 0.01


def audit_sources(data: AuditData) -> tuple[list[dict], list[dict]]:
    """How well the question is answered from each of SOURCES alone, and what is one-sided.

    Returns:
        `source`, `auc` and `rows` of each; and the findings, of the AUCs first. A row has
        `name`, `patients`, `positive` and `negative` (images), `one_class` (bool) and
        `by_chance`: the probability that so many patients are all of this kind, from the share
        of such patients in the rest; 1 where both kinds are there.
    """
    question = data.question
    sections: list[dict] = []
    of_aucs: list[dict] = []
    of_rows: list[dict] = []
    for column, name in SOURCES.items():
        indicators = pd.get_dummies(question.images[column]).to_numpy(np.float64)
        auc = question.answered_from(indicators, seed=data.seed)
        rows = _source_rows(question, column)
        sections.append({"source": name, "auc": auc.as_dict(), "rows": rows})
        of_aucs += _of_auc(question, name, auc)
        of_rows += _of_rows(question, name, rows)
    return sections, of_aucs + of_rows


def _source_rows(question: Question, column: str) -> list[dict]:
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


def _chance(part: pd.DataFrame, rest: pd.DataFrame) -> float:
    label = part["label"].iloc[0]
    alike = (rest["label"] == label).groupby(rest["patient_id"]).all()
    # Laplace's rule: a rest of few patients is no certainty.
    share = (alike.sum() + 1) / (len(alike) + 2)
    return float(share ** part["patient_id"].nunique())


def _of_auc(question: Question, source: str, auc: Figure) -> Iterator[dict]:
    if auc.low is not None and auc.low > 0.5:
        yield finding(
            WARNING,
            f"{question.positive} and {question.negative} images are told apart by the {source} "
            f"alone with an AUC of {auc_text(auc)}. Compare results within one {source}.",
        )


def _of_rows(question: Question, source: str, rows: list[dict]) -> Iterator[dict]:
    for row in rows:
        if not row["one_class"]:
            continue
        kinds = question.positive, question.negative
        kind, other = kinds if row["positive"] else kinds[::-1]
        text = (
            f"The {source} {row['name']} has {kind} images only "
            f"({row['positive'] + row['negative']} of {row['patients']} patients)"
        )
        if row["by_chance"] < _BY_CHANCE:
            yield finding(
                WARNING, f"{text}, {other} ones come from elsewhere: its look gives the label away."
            )
        else:
            yield finding(INFO, f"{text}; with so few patients that is no surprise.")
