"""All audits of the data, as audit.json: what makes figures of these data worthless.

An audit is one file with one function of `AuditData`, which returns its section of audit.json
and its findings, and one line in AUDITS.
"""

from collections.abc import Mapping

import pandas as pd

from pipeline.annotations.outlines import Outlines
from pipeline.preprocess.audit.outline_sanity import audit_outlines
from pipeline.preprocess.audit.question import WARNING, AuditData, question_of
from pipeline.preprocess.audit.shortcut import audit_shortcut
from pipeline.preprocess.audit.sources import audit_sources

AUDITS = {"shortcut": audit_shortcut, "sources": audit_sources, "labels": audit_outlines}


def audit(
    mammograms: pd.DataFrame,
    outlines: Outlines,
    backgrounds: Mapping[str, Mapping[str, float]],
    *,
    seed: int = 0,
) -> dict:
    """Run all audits. Reads the breast masks of the store.

    Args:
        mammograms: mammograms.csv.
        outlines: by image id, in original pixels.
        backgrounds: `background` of each image in the store, by image id.
        seed: of the cross-validation and the bootstrap.

    Returns:
        For JSON: the section of each of AUDITS, and `findings`: sentences with level "warning"
        or "info", warnings first.
    """
    question = question_of(mammograms, outlines)
    data = AuditData(question, mammograms, outlines, backgrounds, seed)
    sections, findings = {}, []
    for name, look in AUDITS.items():
        sections[name], found = look(data)
        findings += found
    return sections | {"findings": sorted(findings, key=lambda f: f["level"] != WARNING)}
