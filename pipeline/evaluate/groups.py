"""The figures by view, density, scanner and source, and the lesions by kind and pathology.

Groups are small and many: they say where to look, not what is better.
"""

import numpy as np

from pipeline.evaluate.judge import Bootstrap, judge_metric
from pipeline.evaluate.load import Judged
from pipeline.evaluate.matching import match_candidates
from pipeline.figures.bootstrap import mean_samples
from pipeline.figures.figure import Figure, Undefined
from pipeline.figures.froc import threshold_at
from pipeline.figures.registry import METRICS

IMAGE_GROUPS = ("view", "laterality", "density", "site", "scanner", "dataset")
MAX_GROUPS = 12
LESION_FP_PER_IMAGE = 1.0


def image_groups(judged: Judged, bootstrap: Bootstrap) -> list[dict]:
    """Patch and image AUC within each value of each column with two to twelve known values."""
    rows = []
    for column in IMAGE_GROUPS:
        values = sorted(v for v in judged.images[column].unique() if v)
        if not 2 <= len(values) <= MAX_GROUPS:
            continue
        for value in values:
            group = judged.only(judged.images[judged.images[column] == value])
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
