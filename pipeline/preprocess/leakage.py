"""The gate: no patient, image, lesion or position on two sides of the split.

Identical pixels are found by their checksum, the same mammogram in another export by its
signature. Two crops of one image are not recognised.
"""

import json
from collections.abc import Iterator, Mapping

import pandas as pd

from pipeline.preprocess.signature import similar_pairs
from pipeline.run.errors import UserError

_NAMED = 20
# Points and lines meet by chance; a circle or three corners hardly do.
_FEWEST_CORNERS = 3


def check_leakage(
    mammograms: pd.DataFrame,
    *,
    outlines: Mapping[str, list[dict]] | None = None,
    positions: pd.DataFrame | None = None,
    signatures: Mapping[str, str] | None = None,
) -> list[str]:
    """Fail when the split leaks.

    Args:
        mammograms: mammograms.csv: image_id, patient_id, split, source, pixel_sha256,
            original_height and original_width (with `outlines` only).
        outlines: outlines.json.
        positions: positions.parquet.
        signatures: `image_signature` of each image, by image id.

    Returns:
        Sentences about images that occur twice within one part of the split, which is no leak.

    Raises:
        UserError: a patient, identical pixels, the same mammogram in another export, or the
            same lesion is in two parts, or a position is twice or in another part than its
            image; names all that are.
    """
    ordered = mammograms.sort_values("image_id", ignore_index=True)
    problems = [*_patients_in_two(ordered)]
    notes = []
    twice = [("identical pixels", same) for same in _groups(ordered, "pixel_sha256")]
    twice += [("the same mammogram twice", same) for same in _similar(ordered, signatures or {})]
    for what, same in twice:
        files = ", ".join(f"{row.source} ({row.patient_id}, {row.split})" for row in same)
        if len({row.split for row in same}) > 1:
            problems.append(f"{what}: {files}")
        else:
            notes.append(f"{what} within {same[0].split}: {files}")
    problems += _lesions_in_two(ordered, outlines or {})
    if positions is not None:
        problems += _position_problems(ordered, positions)
    if problems:
        more = f"; and {len(problems) - _NAMED} more" if len(problems) > _NAMED else ""
        raise UserError(
            f"The split leaks: {'; '.join(problems[:_NAMED])}{more}. Remove the copies from "
            "data.root, or put their patients into one part with a split.csv (columns "
            "patient_id,split)."
        )
    return notes


def _patients_in_two(mammograms: pd.DataFrame) -> Iterator[str]:
    for rows in _groups(mammograms, "patient_id"):
        parts = sorted({row.split for row in rows})
        if len(parts) > 1:
            files = ", ".join(f"{row.source} ({row.split})" for row in rows)
            yield f"patient {rows[0].patient_id} is in {' and '.join(parts)}: {files}"


def _groups(mammograms: pd.DataFrame, column: str) -> Iterator[list]:
    """The rows of each value that occurs more than once."""
    for _, rows in mammograms[mammograms.duplicated(column, keep=False)].groupby(column):
        yield list(rows.itertuples())


def _similar(mammograms: pd.DataFrame, signatures: Mapping[str, str]) -> Iterator[list]:
    """Pairs of rows with nearly the same signature, but other pixels."""
    rows = [row for row in mammograms.itertuples() if row.image_id in signatures]
    for i, j in similar_pairs([signatures[row.image_id] for row in rows]):
        if rows[i].pixel_sha256 != rows[j].pixel_sha256:
            yield [rows[i], rows[j]]


def _lesions_in_two(mammograms: pd.DataFrame, outlines: Mapping[str, list[dict]]) -> Iterator[str]:
    """Findings with one id, and outlines with the same coordinates in images of one size."""
    by_id: dict[str, list] = {}
    by_shape: dict[str, list] = {}
    for row in mammograms.itertuples():
        for entry in outlines.get(row.image_id, []):
            place = row.split, f"{row.source} ({entry['finding_id']}, {row.split})"
            by_id.setdefault(entry["finding_id"], []).append(place)
            if entry["circle"] or max(map(len, entry["polygons"]), default=0) >= _FEWEST_CORNERS:
                shape = [row.original_height, row.original_width, entry["circle"]]
                key = json.dumps([*map(str, shape), entry["polygons"]])
                by_shape.setdefault(key, []).append(place)
    for what, groups in (("one lesion", by_id), ("identical outlines", by_shape)):
        for places in groups.values():
            if len({split for split, _ in places}) > 1:
                yield f"{what}: {', '.join(name for _, name in places)}"


def _position_problems(mammograms: pd.DataFrame, positions: pd.DataFrame) -> Iterator[str]:
    """Positions that occur twice, or are in another part than their image."""
    of_image = positions["image_id"].map(mammograms.set_index("image_id")["split"])
    strayed = positions.loc[of_image.astype(object) != positions["split"].astype(object)]
    if len(strayed):
        yield f"{len(strayed)} positions are in another part than their image: {_images(strayed)}"
    twice = positions[positions.duplicated(["image_id", "row_index", "col_index"])]
    if len(twice):
        yield f"{len(twice)} positions occur twice: {_images(twice)}"


def _images(positions: pd.DataFrame) -> str:
    names = sorted(positions["image_id"].unique())
    return ", ".join(names[:3]) + (" and so on" if len(names) > 3 else "")
