"""The figures by view, density, scanner and source, and the lesions by kind and pathology.

Groups are small and many: they say where to look, not what is better.
"""

from dataclasses import replace

import numpy as np

from pipeline.evaluate.judge import Bootstrap, judge_metric
from pipeline.evaluate.load import Judged
from pipeline.evaluate.matching import match_candidates
from pipeline.figures.bootstrap import patient_index
from pipeline.figures.figure import Figure, undefined_figure
from pipeline.figures.froc import threshold_at
from pipeline.figures.registry import METRICS
from pipeline.figures.resampled import share_samples
from pipeline.figures.undefined import Undefined

IMAGE_GROUPS = ("view", "laterality", "density", "site", "scanner", "dataset")
MAX_GROUPS = 12
LESION_FP_PER_IMAGE = 1.0


def image_groups(judged: Judged, bootstrap: Bootstrap) -> list[dict]:
    """Patch and image AUC within each value of each column with two to twelve known values."""
    rows = []
    for column in IMAGE_GROUPS:
        values = sorted(v for v in judged.images[column].unique() if v)
        if 2 <= len(values) <= MAX_GROUPS:
            rows += [_image_group(judged, bootstrap, column, value) for value in values]
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
    patient_of_image = patient_index(matched.images["patient_id"], patients=judged.patients)
    patient = patient_of_image[matched.matches.lesion_images]
    rows = []
    for by, names in (("kind", matched.kinds), ("pathology", matched.pathologies)):
        for name in sorted(set(names)):
            inside = names == name
            figure = _share(found[inside], patient[inside], bootstrap)
            rows.append({"by": by, "group": name, "sensitivity": figure.as_dict()})
    return rows


def _share(found: np.ndarray, patient: np.ndarray, bootstrap: Bootstrap) -> Figure:
    return bootstrap.figure(
        lambda: float(found.mean()),
        lambda: share_samples(found, patient, bootstrap.weights),
        n=len(found),
    )


def _image_group(judged: Judged, bootstrap: Bootstrap, column: str, value: str) -> dict:
    images = judged.images[judged.images[column] == value]
    positions = judged.positions[judged.positions["image_id"].isin(images["image_id"])]
    group = replace(judged, images=images, positions=positions)
    patch_auc = (
        judge_metric(METRICS["patch_auc"], group, bootstrap)
        if len(positions)
        else undefined_figure("there are no labelled positions in this group")
    )
    return {
        "by": column,
        "group": value,
        "images": len(images),
        "patch_auc": patch_auc.as_dict(),
        "image_auc": judge_metric(METRICS["image_auc"], group, bootstrap).as_dict(),
    }
