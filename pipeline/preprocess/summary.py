"""RUN/preprocess.json: what the run's data are, in numbers."""

import pandas as pd

from pipeline.preprocess.labels import IGNORED, NEGATIVE, POSITIVE
from pipeline.preprocess.split import TEST, TRAIN, VALIDATION

_LABELS = {"positive": POSITIVE, "negative": NEGATIVE, "ignored": IGNORED}


def summarise(
    mammograms: pd.DataFrame, outlines: dict[str, list[dict]], positions: pd.DataFrame
) -> dict:
    """Images, patients, lesions, positions and prevalence, in all and by split.

    Args:
        mammograms, outlines, positions: the tables of preprocess.

    Returns:
        {"all": counts, "train": counts, "validation": counts, "test": counts}. The prevalence
        is positive / (positive + negative) positions, None without any.
    """
    result = {"all": _counts(mammograms, outlines, positions)}
    for split in (TRAIN, VALIDATION, TEST):
        images = mammograms[mammograms["split"] == split]
        result[split] = _counts(images, outlines, positions[positions["split"] == split])
    return result


def _counts(
    mammograms: pd.DataFrame, outlines: dict[str, list[dict]], positions: pd.DataFrame
) -> dict:
    shown = [outline for image_id in mammograms["image_id"] for outline in outlines[image_id]]
    labels = {name: int((positions["label"] == label).sum()) for name, label in _LABELS.items()}
    judged = labels["positive"] + labels["negative"]
    return {
        "images": len(mammograms),
        "patients": int(mammograms["patient_id"].nunique()),
        "abnormal_images": int((mammograms["outcome"] == "abnormal").sum()),
        "unlocated_images": int(mammograms["unlocated"].sum()),
        "lesions": sum(outline["positive"] for outline in shown),
        "other_findings": sum(not outline["positive"] for outline in shown),
        "positions": labels,
        "prevalence": labels["positive"] / judged if judged else None,
    }
