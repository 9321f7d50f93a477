"""The audit of shortcuts: can the label be told without looking at any breast?

Where abnormal images come from another scanner, another film or another export than normal
ones, a network learns the origin, and its figures say nothing about abnormalities. Zech et al.
2018, doi:10.1371/journal.pmed.1002683, found that in chest radiographs.
"""

import numpy as np
import pandas as pd

from pipeline.figures.figure import Figure
from pipeline.preprocess.audit.background import AIR_KEYS, BACKGROUND_KEYS
from pipeline.preprocess.audit.question import INFO, WARNING, AuditData, Question, auc_text, finding


def audit_shortcut(data: AuditData) -> tuple[dict, list[dict]]:
    """How well the question is answered from `background_statistics` alone.

    Returns:
        `question`, `kinds`, `auc`, `patients`, `positive` and `negative` (images); and the
        finding.
    """
    question = data.question
    table = pd.DataFrame([data.backgrounds[i] for i in question.images["image_id"]])
    table = table.reindex(columns=list(BACKGROUND_KEYS)).astype(float)
    table.loc[table.pop("air_known") == 0, list(AIR_KEYS)] = np.nan
    auc = question.answered_from(table.to_numpy(), seed=data.seed)
    section = {
        "question": question.words,
        "kinds": [question.positive, question.negative],
        "auc": auc.as_dict(),
        "patients": int(question.images["patient_id"].nunique()),
        "positive": int(question.images["label"].sum()),
        "negative": int((question.images["label"] == 0).sum()),
    }
    return section, [_finding_of(question, auc)]


def _finding_of(question: Question, auc: Figure) -> dict:
    if auc.low is None or auc.high is None:
        return finding(INFO, f"No search for shortcuts, {question.words}: {auc.reason}.")
    told = (
        f"{question.positive} and {question.negative} images are told apart by the air beside the "
        f"breast, the borders and the size of the image alone with an AUC of {auc_text(auc)}"
    )
    if auc.low > 0.5:
        return finding(
            WARNING,
            f"SHORTCUT: {told}. A network can learn where an image comes from instead of what it "
            "shows. Look at the sources, and compare within one of them.",
        )
    if auc.high < 0.5:
        return finding(
            WARNING,
            f"{told}, worse than by chance: what tells them apart in one part of the patients is "
            "the other way round in the rest. Look at the sources.",
        )
    return finding(
        INFO,
        f"No shortcut found: {told}. A shortcut of up to {auc.high:.2f} cannot be excluded.",
    )
