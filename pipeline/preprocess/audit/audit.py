"""All audits of the data, as audit.json: what makes figures of these data worthless.

An audit is a function that returns its section of audit.json and its findings, and one line in
`audit`.
"""

from collections.abc import Mapping, Sequence

import pandas as pd

from pipeline.annotations.outlines import Outlines
from pipeline.preprocess.audit.origin import audit_shortcut, audit_sources
from pipeline.preprocess.audit.outline_sanity import Quarantined, audit_outlines
from pipeline.preprocess.audit.question import WARNING, question_of


def audit(
    mammograms: pd.DataFrame,
    outlines: Outlines,
    backgrounds: Mapping[str, Mapping[str, float]],
    quarantined: Sequence[Quarantined] = (),
) -> dict:
    """Run all audits.

    Args:
        mammograms: mammograms.csv.
        outlines: by image id, in original pixels.
        backgrounds: `background` of each image in the store, by image id.
        quarantined: findings whose outline is not used.

    Returns:
        For JSON: a section for each audit, and `findings`: sentences with level "warning" or
        "info", warnings first.
    """
    question = question_of(mammograms, outlines)
    results = {
        "shortcut": audit_shortcut(question, backgrounds),
        "sources": audit_sources(question),
        "labels": audit_outlines(outlines, quarantined),
    }
    findings = [one for _, found in results.values() for one in found]
    findings.sort(key=lambda one: one["level"] != WARNING)
    return {name: section for name, (section, _) in results.items()} | {"findings": findings}
