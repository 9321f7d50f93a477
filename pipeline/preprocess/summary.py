"""RUN/preprocess.json: what the run's data are, in numbers and notes."""

from collections.abc import Mapping

import pandas as pd

from pipeline.annotations.labels import IGNORED, NEGATIVE, POSITIVE
from pipeline.annotations.outlines import Outlines
from pipeline.preprocess.split import TEST, TRAIN, VALIDATION

_LABELS = {"positive": POSITIVE, "negative": NEGATIVE, "ignored": IGNORED}


def summarise(mammograms: pd.DataFrame, outlines: Outlines, positions: pd.DataFrame) -> dict:
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


def image_counts(mammograms: pd.DataFrame, outlines: Outlines) -> dict[str, int]:
    """Counts of what is in some mammograms, by name.

    Args:
        mammograms: rows of mammograms.csv.
        outlines: by image id.
    """
    shown = [outline for image_id in mammograms["image_id"] for outline in outlines[image_id]]
    return {
        "images": len(mammograms),
        "patients": int(mammograms["patient_id"].nunique()),
        "abnormal_images": int((mammograms["outcome"] == "abnormal").sum()),
        "unlocated_images": int(mammograms["unlocated"].sum()),
        "lesions": sum(outline.positive for outline in shown),
        "other_findings": sum(not outline.positive for outline in shown),
    }


def _counts(mammograms: pd.DataFrame, outlines: Outlines, positions: pd.DataFrame) -> dict:
    labels = {name: int((positions["label"] == label).sum()) for name, label in _LABELS.items()}
    judged = labels["positive"] + labels["negative"]
    return {
        **image_counts(mammograms, outlines),
        "positions": labels,
        "prevalence": labels["positive"] / judged if judged else None,
    }


def note_sentences(notes: Mapping[str, list[str]]) -> list[str]:
    """One sentence for all images with the same note.

    Args:
        notes: by image id.

    Example:
        >>> note_sentences({"a": ["too dark"], "b": ["too dark"]})
        ['a, b: too dark']
    """
    images: dict[str, list[str]] = {}
    for image_id, own in notes.items():
        for note in dict.fromkeys(own):
            images.setdefault(note, []).append(image_id)
    return [_of_images(note, image_ids) for note, image_ids in images.items()]


def show_notes(notes: list[str], *, rest: str, most: int = 8) -> None:
    """Print the first notes; `rest` is the file that has all."""
    for note in notes[:most]:
        print(f"note: {note}")
    if len(notes) > most:
        print(f"note: {len(notes) - most} more in {rest}")


def _of_images(note: str, image_ids: list[str]) -> str:
    first = ", ".join(image_ids[:3])
    if len(image_ids) <= 3:
        return f"{first}: {note}"
    return f"{len(image_ids)} images ({first} and so on): {note}"
