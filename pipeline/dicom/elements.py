"""Values of DICOM elements as they should be: without padding, without surprises."""

import math
from collections.abc import Sequence

from pydicom.datadict import dictionary_description
from pydicom.dataset import Dataset


def words(dataset: Dataset, keyword: str) -> list[str]:
    """All values as upper-case text without padding; [] where the element is missing."""
    return [text for text in _texts(dataset, keyword) if text]


def word(dataset: Dataset, keyword: str) -> str:
    """The first value as upper-case text; "" where there is none."""
    return next(iter(words(dataset, keyword)), "")


def numbers(dataset: Dataset, keyword: str) -> list[float]:
    """All values as finite numbers; [] where the element is missing, empty or no number.

    An empty value among others is no number either: those behind it do not take its place.
    """
    try:
        found = [float(text) for text in _texts(dataset, keyword)]
    except (ValueError, TypeError, OverflowError):
        return []
    return found if all(map(math.isfinite, found)) else []


def number(dataset: Dataset, keyword: str) -> float | None:
    """The first value as a finite number; None where there is none."""
    return next(iter(numbers(dataset, keyword)), None)


def count(dataset: Dataset, keyword: str) -> int:
    """A number of things of which there is one at least, such as frames; 1 where it is missing."""
    return int(number(dataset, keyword) or 1)


def notes_on_empty(dataset: Dataset, keywords: Sequence[str]) -> list[str]:
    """A note that names those of these elements that are there without a number in them."""
    names = [
        dictionary_description(keyword)
        for keyword in keywords
        if keyword in dataset and number(dataset, keyword) is None
    ]
    return [f"empty or no number, taken as absent: {', '.join(names)}"] if names else []


def items(dataset: Dataset, keyword: str) -> list[Dataset]:
    """The items of a sequence; [] where it is missing or empty.

    Raises:
        ValueError: the element is no sequence.
    """
    found = list(dataset.get(keyword) or [])
    if not all(isinstance(item, Dataset) for item in found):
        raise ValueError(f"{dictionary_description(keyword)} is no sequence of items")
    return found


def _texts(dataset: Dataset, keyword: str) -> list[str]:
    value = dataset.get(keyword)
    if value is None:
        return []
    several = hasattr(value, "__iter__") and not isinstance(value, str)
    return [str(item).strip(" \0").upper() for item in (value if several else [value])]
