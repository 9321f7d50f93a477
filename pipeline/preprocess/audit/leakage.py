"""The gate: no patient, image, lesion or position on two sides of the split.

Identical pixels are found by their checksum, the same mammogram in another export by its
signature. Two crops of one image are not recognised.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations

import numpy as np
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
    signatures: Mapping[str, str] | None = None,
) -> list[str]:
    """Fail when the split leaks.

    Args:
        mammograms: mammograms.csv: image_id, patient_id, split, source, pixel_sha256,
            original_height and original_width (with `outlines` only).
        outlines: by image id, in original pixels.
        signatures: `image_signature` of each image, by image id.

    Returns:
        Sentences about what is no leak: images that occur twice within one part of the split,
        circles with the same numbers in images of two parts that are not alike.

    Raises:
        UserError: a patient, identical pixels, the same mammogram in another export, or the
            same lesion is in two parts; names all that are.
    """
    ordered = mammograms.sort_values("image_id", ignore_index=True)
    signatures = signatures or {}
    problems, notes = [], []
    for same in _groups(ordered, "patient_id"):
        if _in_two(same):
            parts = " and ".join(sorted({row.split for row in same}))
            patient = same[0].patient_id
            problems.append(f"patient {patient} is in {parts}: {_named(same, 'split')}")
    twice = [("identical pixels", same) for same in _groups(ordered, "pixel_sha256")]
    twice += [("the same mammogram twice", same) for same in _similar(ordered, signatures)]
    for what, same in twice:
        files = _named(same, "patient_id", "split")
        if _in_two(same):
            problems.append(f"{what}: {files}")
        else:
            notes.append(f"{what} within {same[0].split}: {files}")
    lesions = _lesions(ordered, outlines or {})
    for same in _groups(lesions, "finding_id", sort=False):
        if _in_two(same):
            problems.append(f"one lesion: {_named(same, 'finding_id', 'split')}")
    for same in _groups(lesions.dropna(subset="shape"), "shape", sort=False):
        if _in_two(same):
            by_chance = same[0].circle and not _alike(same, signatures)
            what = "circles" if by_chance else "outlines"
            told = f"identical {what}: {_named(same, 'finding_id', 'split')}"
            (notes if by_chance else problems).append(told)
    if problems:
        more = f"; and {len(problems) - _NAMED} more" if len(problems) > _NAMED else ""
        raise UserError(
            f"The split leaks: {'; '.join(problems[:_NAMED])}{more}. Remove the copies from "
            "data.root, or put their patients into one part with a split.csv (columns "
            "patient_id,split)."
        )
    return notes


def without_leaks(
    images: Iterable[pd.DataFrame], mammograms: pd.DataFrame
) -> Iterator[pd.DataFrame]:
    """Pass the positions of each image on.

    Args:
        images: rows of positions.parquet of one image each.
        mammograms: mammograms.csv.

    Raises:
        UserError: a position is twice or in another part of the split than its image.
    """
    split = dict(zip(mammograms["image_id"], mammograms["split"], strict=True))
    for positions in images:
        image_id = positions["image_id"].iloc[0] if len(positions) else ""
        strayed = (positions["split"] != split.get(image_id)).sum()
        place = positions["row_index"].to_numpy(np.int64) << 32 | positions["col_index"].to_numpy()
        twice = len(place) - len(np.unique(place))
        for count, what in ((strayed, "are in another part than"), (twice, "are twice in")):
            if count:
                raise UserError(
                    f"The split leaks: {count} positions {what} their image {image_id}."
                )
        yield positions


def _groups(table: pd.DataFrame, column: str, *, sort: bool = True) -> Iterator[list]:
    """The rows of each value that occurs more than once, by value or by their first row."""
    for _, rows in table[table.duplicated(column, keep=False)].groupby(column, sort=sort):
        yield list(rows.itertuples())


def _in_two(rows: list) -> bool:
    return len({row.split for row in rows}) > 1


def _named(rows: list, *columns: str) -> str:
    return ", ".join(
        f"{row.source} ({', '.join(getattr(row, name) for name in columns)})" for row in rows
    )


def _similar(mammograms: pd.DataFrame, signatures: Mapping[str, str]) -> Iterator[list]:
    """Pairs of rows with nearly the same signature, but other pixels."""
    rows = [row for row in mammograms.itertuples() if row.image_id in signatures]
    for i, j in similar_pairs([signatures[row.image_id] for row in rows]):
        if rows[i].pixel_sha256 != rows[j].pixel_sha256:
            yield [rows[i], rows[j]]


def _lesions(mammograms: pd.DataFrame, outlines: Outlines) -> pd.DataFrame:
    """A row for each outline; of one that tells enough, `shape` says form and image size."""
    rows = []
    for row in mammograms.itertuples():
        for outline in outlines.get(row.image_id, []):
            circle, shape = outline.circle is not None, None
            if circle or max(map(len, outline.polygons), default=0) >= _FEWEST_CORNERS:
                size = int(row.original_height), int(row.original_width)
                shape = json.dumps([*size, outline.shape()])
            of_image = row.image_id, row.source, row.split
            rows.append((*of_image, outline.finding_id, circle, shape))
    columns = ["image_id", "source", "split", "finding_id", "circle", "shape"]
    return pd.DataFrame(rows, columns=columns)


def _alike(rows: list, signatures: Mapping[str, str]) -> bool:
    """Whether any two of the images in different parts may be of the same mammogram."""
    known = [row for row in rows if row.image_id in signatures]
    return any(
        one.split != other.split
        and likeness(signatures[one.image_id], signatures[other.image_id]) > _ALIKE
        for one, other in combinations(known, 2)
    )
