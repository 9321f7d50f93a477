"""The figures by view, density, scanner and source, and the lesions by kind and pathology.

Groups are small and many: they say where to look, not what is better.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from pipeline.annotations.labels import POSITIVE
from pipeline.evaluate.judge import Bootstrap, judge_metric
from pipeline.evaluate.load import ABNORMAL, UNKNOWN, Judged
from pipeline.evaluate.matching import match_candidates
from pipeline.figures.bootstrap import mean_samples
from pipeline.figures.figure import Figure, Undefined
from pipeline.figures.froc import threshold_at
from pipeline.figures.registry import METRICS

IMAGE_GROUPS = ("view", "laterality", "density", "site", "scanner", "dataset")
MAX_GROUPS = 12
LESION_FP_PER_IMAGE = 1.0


def image_parts(judged: Judged) -> Iterator[tuple[str, str, Judged]]:
    """(column, value, its images) of each column with two to twelve known values."""
    for column in IMAGE_GROUPS:
        values = sorted(v for v in judged.images[column].unique() if v)
        if 2 <= len(values) <= MAX_GROUPS:
            for value in values:
                yield column, value, judged.only(judged.images[judged.images[column] == value])


def kind_parts(judged: Judged) -> Iterator[tuple[str, str, Judged]]:
    """("kind", kind, as if no other finding counted) where there are two kinds or more.

    Other findings then are neither hits nor false alarms, their positions are not judged, and
    images that have only others are neither abnormal nor normal. So a kind is ranked against what
    is normal; how often it is expected, no probability says.
    """
    counting = {o.kind for found in judged.outlines.values() for o in found if o.positive}
    if len(counting) < 2:
        return
    for kind in sorted(counting):
        outlines = {
            image_id: [replace(o, positive=o.positive and o.kind == kind) for o in found]
            for image_id, found in judged.outlines.items()
        }
        own = [(i, o.finding_id) for i, found in outlines.items() for o in found if o.positive]
        positions, images = judged.positions, judged.images
        in_own = pd.MultiIndex.from_frame(positions[["image_id", "finding_id"]]).isin(own)
        kept = positions[(positions["label"] != POSITIVE) | in_own]
        others = (images["truth"] == ABNORMAL) & ~images["image_id"].isin([i for i, _ in own])
        part = replace(
            judged,
            outlines=outlines,
            positions=kept.reset_index(drop=True),
            images=images.assign(truth=images["truth"].mask(others, UNKNOWN)),
        )
        yield "kind", kind, part


def image_groups(judged: Judged, bootstrap: Bootstrap) -> list[dict]:
    """Patch and image AUC within each value of each column with two to twelve known values."""
    rows, columns = [], ["image_id", "patient_id", "label", "logit"]
    needed = replace(
        judged,
        positions=judged.positions[columns].sort_values("logit", ascending=False, kind="stable"),
        candidates=judged.candidates.iloc[:0],
        regions=judged.regions.iloc[:0],
    )
    for column, value, group in image_parts(needed):
        patch_auc = judge_metric(METRICS["patch_auc"], group, bootstrap)
        if not len(group.positions):
            patch_auc = Figure(reason="there are no labelled positions in this group")
        image_auc = judge_metric(METRICS["image_auc"], group, bootstrap)
        rows.append(
            {
                "by": column,
                "group": value,
                "images": len(group.images),
                "patch_auc": patch_auc.as_dict(),
                "image_auc": image_auc.as_dict(),
            }
        )
    return rows


def lesion_groups(judged: Judged, bootstrap: Bootstrap) -> list[dict]:
    """Share of the lesions of each kind and pathology that one alarm per image finds.

    The threshold is that of all lesions together, so the groups can be compared.
    """
    try:
        matched = match_candidates(judged)
        threshold = threshold_at(matched.matches, LESION_FP_PER_IMAGE)
    except Undefined:
        return []  # mean_froc carries the reason
    found = matched.matches.lesion_scores >= threshold
    patient = matched.patient_of_image[matched.matches.lesion_images]

    def share(inside: np.ndarray) -> Figure:
        return bootstrap.figure(
            lambda: float(found[inside].mean()),
            lambda: mean_samples(found[inside], patient[inside], bootstrap.weights),
            n=int(inside.sum()),
        )

    rows = []
    for by in ("kind", "pathology"):
        names = np.array([getattr(lesion, by) for lesion in matched.lesions], dtype=object)
        for name in sorted(set(names)):
            rows.append({"by": by, "group": name, "sensitivity": share(names == name).as_dict()})
    return rows
