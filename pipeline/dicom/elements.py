"""Values of DICOM elements as they should be: without padding, without surprises."""

import math
import re
from collections.abc import Sequence

from pydicom.datadict import dictionary_description, dictionary_VR
from pydicom.dataset import Dataset

_PADDING = " \0\t\r\n"
_NUMBER = re.compile(r"(?P<number>[+-]?\d*[.,]?\d+(?:E[+-]?\d+)?)\s*(?P<unit>[^\d\s.,]*)", re.I)
# What may stand behind a number, and how much that is of millimetres or of 1.
_UNITS = {"": 1.0, "MM": 1.0, "UM": 1e-3, "\N{GREEK CAPITAL LETTER MU}M": 1e-3, "X": 1.0}
_SHOWN = 64  # characters of a value that people see


def words(dataset: Dataset, keyword: str) -> list[str]:
    """All values as upper-case text without padding; [] where the element is missing."""
    return [text for text in _texts(dataset, keyword) if text]


def word(dataset: Dataset, keyword: str) -> str:
    """The first value as upper-case text; "" where there is none."""
    return next(iter(words(dataset, keyword)), "")


def numbers(dataset: Dataset, keyword: str) -> list[float]:
    """All values as finite numbers; [] where the element is missing, empty or no number.

    An empty value among others is no number either: those behind it do not take its place. A
    number with a decimal comma or a unit is read; `notes_on_numbers` tells of it.
    """
    try:
        found = [_as_number(text) for text in _texts(dataset, keyword)]
    except (ValueError, TypeError, OverflowError):
        return []
    return found if all(map(math.isfinite, found)) else []


def number(dataset: Dataset, keyword: str) -> float | None:
    """The first value as a finite number; None where there is none."""
    return next(iter(numbers(dataset, keyword)), None)


def count(dataset: Dataset, keyword: str) -> int:
    """A number of things of which there is one at least, such as frames; 1 where it is missing."""
    return int(number(dataset, keyword) or 1)


def as_written(dataset: Dataset, keyword: str) -> str:
    """What the element holds, for people; "" where it is missing or blank."""
    texts = [" ".join(text.split()) for text in _texts(dataset, keyword)]
    text = "\\".join(texts) if any(texts) else ""
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def is_unreadable(dataset: Dataset, keyword: str) -> bool:
    """Whether something is written there that is no number."""
    return not numbers(dataset, keyword) and bool(as_written(dataset, keyword))


def notes_on_numbers(
    dataset: Dataset, keywords: Sequence[str], *, single: bool = True
) -> list[str]:
    """Notes that name those of these elements that do not hold plain numbers.

    Args:
        single: each must have one value at most.
    """
    empty, notes = [], []
    for keyword in keywords:
        if keyword not in dataset:
            continue
        name, text = dictionary_description(keyword), as_written(dataset, keyword)
        found = numbers(dataset, keyword)
        if not text:
            empty.append(name)
        elif not found:
            notes.append(f"{name} '{text}' is no number: left out")
        elif single and len(set(found)) > 1:
            notes.append(f"{name} '{text}' has {len(found)} values, not 1: the first is taken")
        elif not all(map(_is_plain, _texts(dataset, keyword))):
            read = "\\".join(f"{value:g}" for value in found)
            notes.append(f"{name} '{text}' is no number as DICOM writes it: read as {read}")
        elif (vr := dataset[keyword].VR) not in (right := dictionary_VR(keyword)):
            notes.append(f"{name} has the value representation {vr}, not {right}: read as {text}")
    if empty:
        notes.append(f"empty or no number, taken as absent: {', '.join(empty)}")
    return notes


def items(dataset: Dataset, keyword: str) -> list[Dataset]:
    """The items of a sequence; [] where it is missing, empty or, as `not_items` tells, none."""
    found = list(dataset.get(keyword) or [])
    return found if all(isinstance(item, Dataset) for item in found) else []


def not_items(dataset: Dataset, keywords: Sequence[str]) -> list[str]:
    """Notes that name those of these sequences that are none."""
    return [
        f"{dictionary_description(keyword)} is no sequence of items: left out"
        for keyword in keywords
        if dataset.get(keyword) and not items(dataset, keyword)
    ]


def _texts(dataset: Dataset, keyword: str) -> list[str]:
    value = dataset.get(keyword)
    if value is None:
        return []
    if isinstance(value, bytes):  # text under a VR of bytes
        value = value.decode("latin-1")
    if isinstance(value, str):  # a VR that has one value only keeps the separators in it
        value = value.split("\\")
    several = hasattr(value, "__iter__") and not isinstance(value, Dataset)
    return [str(item).strip(_PADDING).upper() for item in (value if several else [value])]


def _as_number(text: str) -> float:
    """A value, also with a decimal comma or a unit behind it.

    A comma is no character of a Decimal String and none writes groups of thousands (PS3.5 6.2),
    so it is a decimal point.

    >>> _as_number("0,085"), _as_number("70 um"), _as_number("1.5X")
    (0.085, 0.07, 1.5)
    """
    if _is_plain(text):
        return float(text)
    match = _NUMBER.fullmatch(text)
    unit = _UNITS.get(match["unit"].upper()) if match else None
    if match is None or unit is None:
        raise ValueError(f"{text!r} is no number")
    return float(match["number"].replace(",", ".")) * unit


def _is_plain(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text
