"""The figures by view, density, scanner and source, and the lesions by kind and pathology.

Groups are small and many: they say where to look, not what is better.
"""

import numpy as np

from pipeline.evaluate.judge import Bootstrap, image_auc
from pipeline.evaluate.lesions import match_candidates
from pipeline.evaluate.load import Judged
from pipeline.figures.bootstrap import patient_index
from pipeline.figures.froc import threshold_at
from pipeline.figures.ranking import roc_auc
from pipeline.figures.resampled import auc_samples
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
            figure = bootstrap.figure(
                lambda inside=inside: float(found[inside].mean()),
                lambda inside=inside: _share_samples(found[inside], patient[inside], bootstrap),
                n=int(inside.sum()),
            )
            rows.append({"by": by, "group": name, "sensitivity": figure.as_dict()})
    return rows


def _image_group(judged: Judged, bootstrap: Bootstrap, column: str, value: str) -> dict:
    images = judged.images[judged.images[column] == value]
    positions = judged.positions[judged.positions["image_id"].isin(images["image_id"])]
    labels, logits = positions["label"].to_numpy(), positions["logit"].to_numpy()
    patient = positions["patient"].to_numpy()

    def value_of() -> float:
        if not len(labels):
            raise Undefined("there are no labelled positions in this group")
        return roc_auc(labels, logits)

    figure = bootstrap.figure(
        value_of, lambda: auc_samples(labels, logits, patient, bootstrap.weights), n=len(labels)
    )
    return {
        "by": column,
        "group": value,
        "images": len(images),
        "patch_auc": figure.as_dict(),
        "image_auc": image_auc(judged, images, bootstrap).as_dict(),
    }


def _share_samples(found: np.ndarray, patient: np.ndarray, bootstrap: Bootstrap) -> np.ndarray:
    patients = bootstrap.weights.shape[1]
    hit = bootstrap.weights @ np.bincount(patient, found, minlength=patients)
    there = bootstrap.weights @ np.bincount(patient, minlength=patients)
    return np.divide(hit, there, out=np.full(len(there), np.nan), where=there > 0)
