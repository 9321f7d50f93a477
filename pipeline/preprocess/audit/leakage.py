"""The gate: no patient, image, lesion or position on two sides of the split.

Identical pixels are found by their checksum, the same mammogram in another export by its
signature. Two crops of one image are not recognised.
"""

import json
from collections.abc import Iterator, Mapping
from itertools import combinations

import pandas as pd

from pipeline.annotations.outlines import Outlines
from pipeline.preprocess.audit.signature import likeness, similar_pairs
from pipeline.run.errors import UserError

_NAMED = 20
# Points and lines meet by chance, three corners hardly do. Circles may, where their radius is
# always the same; in images that are also as alike as one pair in 1,000 they do not.
_FEWEST_CORNERS = 3
_ALIKE = 0.37


def check_leakage(
    mammograms: pd.DataFrame,
    *,
    outlines: Outlines | None = None,
    positions: pd.DataFrame | None = None,
    signatures: Mapping[str, str] | None = None,
) -> list[str]:
    """Fail when the split leaks.

    Args:
        mammograms: mammograms.csv: image_id, patient_id, split, source, pixel_sha256,
            original_height and original_width (with `outlines` only).
        outlines: by image id, in original pixels.
        positions: positions.parquet.
        signatures: `image_signature` of each image, by image id.

    Returns:
        Sentences about what is no leak: images that occur twice within one part of the split,
        circles with the same numbers in images of two parts that are not alike.

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
    same_lesion, same_circle = _lesions_in_two(ordered, outlines or {}, signatures or {})
    problems += same_lesion
    notes += same_circle
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


def _lesions_in_two(
    mammograms: pd.DataFrame, outlines: Outlines, signatures: Mapping[str, str]
) -> tuple[list[str], list[str]]:
    """Problems and notes: findings with one id, one outline in images of one size."""
    by_id: dict[str, list[tuple]] = {}
    by_shape: dict[str, list[tuple]] = {}
    for row in mammograms.itertuples():
        for outline in outlines.get(row.image_id, []):
            place = row, outline.finding_id
            by_id.setdefault(outline.finding_id, []).append(place)
            if outline.circle or max(map(len, outline.polygons), default=0) >= _FEWEST_CORNERS:
                size = row.original_height, row.original_width
                shape = json.dumps([*map(int, size), outline.shape()])
                by_shape.setdefault(shape, []).append((*place, outline.circle is not None))
    problems: list[str] = []
    notes: list[str] = []
    for places in by_id.values():
        if _in_two(places):
            problems.append(f"one lesion: {_places(places)}")
    for places in by_shape.values():
        if not _in_two(places):
            continue
        by_chance = places[0][2] and not _alike(places, signatures)
        (notes if by_chance else problems).append(
            f"identical {'circles' if by_chance else 'outlines'}: {_places(places)}"
        )
    return problems, notes


def _in_two(places: list[tuple]) -> bool:
    return len({row.split for row, *_ in places}) > 1


def _places(places: list[tuple]) -> str:
    return ", ".join(f"{row.source} ({finding}, {row.split})" for row, finding, *_ in places)


def _alike(places: list[tuple], signatures: Mapping[str, str]) -> bool:
    """Whether any two of the images in different parts may be of the same mammogram."""
    known = [
        (row.split, signatures[row.image_id]) for row, *_ in places if row.image_id in signatures
    ]
    return any(
        one[0] != other[0] and likeness(one[1], other[1]) > _ALIKE
        for one, other in combinations(known, 2)
    )


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
