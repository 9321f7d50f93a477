"""RUN/preprocess.json: what the run's data are, in numbers and notes."""

from collections.abc import Mapping

import pandas as pd

from pipeline.annotations.labels import IGNORED, NEGATIVE, POSITIVE
from pipeline.annotations.outlines import Outlines
from pipeline.preprocess.split import TEST, TRAIN, VALIDATION

_LABELS = {"positive": POSITIVE, "negative": NEGATIVE, "ignored": IGNORED}


def summarise(
    mammograms: pd.DataFrame, outlines: Outlines, positions: Mapping[tuple[str, int], int]
) -> dict:
    """Images, patients, lesions, positions and prevalence, in all and by split.

    Args:
        mammograms, outlines: the tables of preprocess.
        positions: how many there are of each split and label.

    Returns:
        {"all": counts, "train": counts, "validation": counts, "test": counts}. The prevalence
        is positive / (positive + negative) positions, None without any.
    """
    result = {}
    for part in ("all", TRAIN, VALIDATION, TEST):
        images = mammograms if part == "all" else mammograms[mammograms["split"] == part]
        of = (TRAIN, VALIDATION, TEST) if part == "all" else (part,)
        counts = {
            name: sum(positions.get((split, label), 0) for split in of)
            for name, label in _LABELS.items()
        }
        judged = counts["positive"] + counts["negative"]
        prevalence = counts["positive"] / judged if judged else None
        of_images = image_counts(images, outlines)
        result[part] = {**of_images, "positions": counts, "prevalence": prevalence}
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
    sentences = []
    for note, of in images.items():
        first = ", ".join(of[:3])
        named = first if len(of) <= 3 else f"{len(of)} images ({first} and so on)"
        sentences.append(f"{named}: {note}")
    return sentences


def show_notes(notes: list[str], *, rest: str) -> None:
    """Print the first notes; `rest` is the file that has all."""
    for note in notes[:8]:
        print(f"note: {note}")
    if len(notes) > 8:
        print(f"note: {len(notes) - 8} more in {rest}")
