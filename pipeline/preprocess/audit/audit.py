"""Audits of the data: shortcuts, one-sided sources, outlines that cannot be right."""

from collections.abc import Iterator, Mapping

import pandas as pd

from pipeline.annotations.geometry import geometry_of
from pipeline.annotations.outlines import standard_outlines
from pipeline.figures.figure import Figure
from pipeline.preprocess.audit.sanity import outline_problem
from pipeline.preprocess.audit.shortcut import (
    SOURCES,
    Question,
    is_telling,
    question_of,
    shortcut_auc,
    source_auc,
    source_rows,
)
from pipeline.preprocess.store.entries import read_breast

WARNING, INFO = "warning", "info"
_NAMED = 5


def audit(
    mammograms: pd.DataFrame,
    outlines: Mapping[str, list[dict]],
    backgrounds: Mapping[str, Mapping[str, float]],
    *,
    seed: int = 0,
) -> dict:
    """Look for what makes figures of these data worthless. Reads the breast masks of the store.

    Args:
        mammograms: mammograms.csv.
        outlines: outlines.json.
        backgrounds: `background` of each image in the store, by image id.
        seed: of the cross-validation and the bootstrap.

    Returns:
        For JSON: `shortcut` (question, kinds, auc, patients, positive, negative), `sources` (for
        each of data set, site and scanner: auc and the rows of `source_rows`), `labels`
        (outlines, problems) and `findings`: sentences with level "warning" or "info", warnings
        first.
    """
    question = question_of(mammograms, outlines)
    shortcut = shortcut_auc(question, backgrounds, seed=seed)
    sources = {column: source_auc(question, column, seed=seed) for column in SOURCES}
    rows = {column: source_rows(question, column) for column in SOURCES}
    problems = outline_problems(mammograms, outlines)
    count = sum(len(entries) for entries in outlines.values())
    findings = [
        _about_shortcut(question, shortcut),
        *(_about_source(question, column, figure) for column, figure in sources.items()),
        *(finding for column in SOURCES for finding in _about_rows(question, column, rows[column])),
        *_about_outlines(problems, count),
    ]
    return {
        "shortcut": {
            "question": question.words,
            "kinds": [question.positive, question.negative],
            "auc": shortcut.as_dict(),
            "patients": int(question.images["patient_id"].nunique()),
            "positive": int(question.images["label"].sum()),
            "negative": int((question.images["label"] == 0).sum()),
        },
        "sources": [
            {"source": SOURCES[column], "auc": sources[column].as_dict(), "rows": rows[column]}
            for column in SOURCES
        ],
        "labels": {"outlines": count, "problems": problems},
        "findings": sorted(
            (finding for finding in findings if finding), key=lambda f: f["level"] != WARNING
        ),
    }


def outline_problems(
    mammograms: pd.DataFrame, outlines: Mapping[str, list[dict]]
) -> list[dict[str, str]]:
    """`image_id`, `finding_id` and `problem` of each outline that cannot be right."""
    problems = []
    for mammogram in mammograms.sort_values("image_id").to_dict("records"):
        image_id = mammogram["image_id"]
        if not outlines.get(image_id):
            continue
        geometry, breast = geometry_of(mammogram), read_breast(mammogram["store"])
        for outline in standard_outlines(outlines[image_id], geometry):
            problem = outline_problem(outline, breast, geometry)
            if problem:
                named = {"image_id": image_id, "finding_id": outline.finding_id}
                problems.append(named | {"problem": problem})
    return problems


def _about_shortcut(question: Question, auc: Figure) -> dict:
    if auc.low is None:
        return _finding(INFO, f"No search for shortcuts, {question.words}: {auc.reason}.")
    told = (
        f"{question.positive} and {question.negative} images are told apart by the air beside the "
        f"breast, the borders and the size of the image alone with an AUC of {_interval(auc)}"
    )
    if auc.low > 0.5:
        return _finding(
            WARNING,
            f"SHORTCUT: {told}. A network can learn where an image comes from instead of what it "
            "shows. Look at the sources, and compare within one of them.",
        )
    if auc.high < 0.5:
        return _finding(
            WARNING,
            f"{told}, worse than by chance: what tells them apart in one part of the patients is "
            "the other way round in the rest. Look at the sources.",
        )
    return _finding(
        INFO,
        f"No shortcut found: {told}. A shortcut of up to {auc.high:.2f} cannot be excluded.",
    )


def _about_source(question: Question, column: str, auc: Figure) -> dict | None:
    if auc.low is None or auc.low <= 0.5:
        return None
    return _finding(
        WARNING,
        f"{question.positive} and {question.negative} images are told apart by the "
        f"{SOURCES[column]} alone with an AUC of {_interval(auc)}. Compare results within one "
        f"{SOURCES[column]}.",
    )


def _about_rows(question: Question, column: str, rows: list[dict]) -> Iterator[dict]:
    for row in rows:
        if not row["one_class"]:
            continue
        kinds = question.positive, question.negative
        kind, other = kinds if row["positive"] else kinds[::-1]
        text = (
            f"The {SOURCES[column]} {row['name']} has {kind} images only "
            f"({row['positive'] + row['negative']} of {row['patients']} patients)"
        )
        if is_telling(row):
            yield _finding(
                WARNING, f"{text}, {other} ones come from elsewhere: its look gives the label away."
            )
        else:
            yield _finding(INFO, f"{text}; with so few patients that is no surprise.")


def _about_outlines(problems: list[dict[str, str]], count: int) -> Iterator[dict]:
    if not count:
        return
    if not problems:
        yield _finding(INFO, f"All {count} outlines lie in the breast and are smaller than it.")
        return
    named = [f"{p['finding_id']} {p['problem']}" for p in problems[:_NAMED]]
    more = f"; and {len(problems) - _NAMED} more" if len(problems) > _NAMED else ""
    yield _finding(
        WARNING, f"{len(problems)} of {count} outlines cannot be right: {'; '.join(named)}{more}."
    )


def _interval(figure: Figure) -> str:
    return f"{figure.value:.2f} ({figure.low:.2f} to {figure.high:.2f})"


def _finding(level: str, text: str) -> dict[str, str]:
    return {"level": level, "text": text[0].upper() + text[1:]}
