"""The gate: no patient, and no identical pixels, on two sides of the split."""

import pandas as pd

from pipeline.run.errors import UserError


def check_leakage(mammograms: pd.DataFrame) -> list[str]:
    """Fail when the split leaks.

    Args:
        mammograms: mammograms.csv: image_id, patient_id, split, source, pixel_sha256.

    Returns:
        Sentences about identical pixels within one part of the split, which are no leak.

    Raises:
        UserError: a patient or identical pixels are in two parts; names all that are.
    """
    problems = _patients_in_two(mammograms)
    notes = []
    for _, same in _groups(mammograms, "pixel_sha256"):
        files = ", ".join(f"{row.source} ({row.patient_id}, {row.split})" for row in same)
        if len({row.split for row in same}) > 1:
            problems.append(f"identical pixels: {files}")
        elif len(same) > 1:
            notes.append(f"identical pixels within {same[0].split}: {files}")
    if problems:
        raise UserError(
            "The split leaks: " + "; ".join(problems) + ". Remove the copies from data.root, or "
            "put their patients into one part with a split.csv (columns patient_id,split)."
        )
    return notes


def _patients_in_two(mammograms: pd.DataFrame) -> list[str]:
    problems = []
    for patient, rows in _groups(mammograms, "patient_id"):
        parts = sorted({row.split for row in rows})
        if len(parts) > 1:
            files = ", ".join(f"{row.source} ({row.split})" for row in rows)
            problems.append(f"patient {patient} is in {' and '.join(parts)}: {files}")
    return problems


def _groups(mammograms: pd.DataFrame, column: str) -> list[tuple[str, list]]:
    """Values of a column with their rows, in the order of image ids."""
    ordered = mammograms.sort_values("image_id")
    return [(value, list(rows.itertuples())) for value, rows in ordered.groupby(column)]
