"""Patient ids that may stand for several women, or of which two may stand for one."""

import re
from collections.abc import Iterable, Sequence

import pandas as pd

from pipeline.ingest.alike import same_twice
from pipeline.ingest.importers import Called, as_it_is
from pipeline.ingest.notes import some

# Words that programs and people write where the id was taken out.
_WORDS = (
    *("anon", "anonym", "anonymous", "anonymised", "anonymized", "anonyme", "anonimo"),
    *("anonymisiert", "deidentified", "de", "identified", "pseudonymised", "pseudonymized"),
    *("unknown", "unbekannt", "inconnu", "none", "null", "nil", "nan", "no", "name", "id"),
    *("not", "available", "removed", "redacted", "deleted", "hidden", "empty", "blank"),
    *("default", "patient", "test", "dummy"),
)
_SIGNS = ("n/a", "n.a.", "na", "-", "--", "?", ".")
# Side and view behind an id, as if each were a woman.
_SIDE_OR_VIEW = re.compile(
    r"([\W_]{1,9}(l|r|lt|rt|left|right|cc|mlo|ml|lm|lcc|rcc|lmlo|rmlo))+$", re.IGNORECASE
)
_FEW_IMAGES = 8  # that one woman may well have
_FEW_PATIENTS = 5  # may be classes, each with as many images as the others
_TIMES = 5  # so many more images than most others have
# Women of whom a hospital has one image are fewer.
_SINGLE, _LEAST_PATIENTS = 0.9, 10


def patient_doubts(
    images: pd.DataFrame,
    called: Called = as_it_is,
    alike: Sequence[tuple[str, str, str]] = (),
) -> list[str]:
    """Sentences about ids that the split by patient cannot trust.

    Args:
        images: patient_id of each image.
        called: what a patient is called in them.
        alike: pairs of ids that the files say are of one woman, each with why.
    """
    counts = images["patient_id"].value_counts()
    notes = []
    crowded = counts[counts > (_FEW_IMAGES if len(counts) <= _FEW_PATIENTS else _most(counts))]
    doubted = sorted({*filter(is_placeholder, counts.index), *crowded.index})
    if doubted:
        shown = some(
            [f"{called('patient', patient)!r} ({counts[patient]} images)" for patient in doubted]
        )
        notes.append(
            f"patient ids that may stand for several women: {shown}; if they do, no split keeps "
            "these women apart and every count of women is wrong: name them in patient_id of "
            "findings.csv"
        )
    if len(counts) >= _LEAST_PATIENTS and (counts == 1).mean() >= _SINGLE:
        notes.append(
            f"{(counts == 1).sum()} of {len(counts)} patient ids have a single image, as if each "
            "file had an id of its own: if so, images of one woman come into several parts of the "
            "split; name her in patient_id of findings.csv"
        )
    if twice := [*same_twice(counts.index), *_by_side(counts.index), *alike]:
        pairs = [
            f"{called('patient', one)!r} and {called('patient', other)!r} ({why})"
            for one, other, why in twice
        ]
        notes.append(
            f"patient ids that look like one woman twice: {some(pairs, '; ')}; they are taken as "
            "two, who may come into two parts of the split; name her in patient_id of "
            "findings.csv, or put both into one part with split.csv"
        )
    return notes


def _by_side(patients: Iterable[str]) -> list[tuple[str, str, str]]:
    """Pairs of ids that differ in the side or view at their end, as of `same_twice`."""
    first: dict[str, str] = {}
    stems = {each: _SIDE_OR_VIEW.sub("", each) for each in sorted(patients)}
    return [
        (first[stem], each, "side or view at the end")
        for each, stem in stems.items()
        if stem and stem != each and first.setdefault(stem, each) != each
    ]


def _most(counts: pd.Series) -> float:
    """As many images as a woman of the set may well have."""
    return max(_FEW_IMAGES, _TIMES * float(counts.median()))


def is_placeholder(patient_id: str) -> bool:
    """Whether an id is a word that stands in place of one.

    >>> is_placeholder("ANONYMOUS"), is_placeholder("Anonymized^Patient"), is_placeholder("w1")
    (True, True, False)
    """
    text = patient_id.casefold()
    words = [word for word in re.split(r"[\W_]+", text) if word]
    return text in _SIGNS or (
        bool(words) and all(word in _WORDS or set(word) == {"x"} for word in words)
    )
