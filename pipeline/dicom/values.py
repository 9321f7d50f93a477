"""Values of DICOM elements as they should be: without padding, without surprises."""

import math

from pydicom.dataset import Dataset


def words(dataset: Dataset, keyword: str) -> list[str]:
    """All values as upper-case text without padding; [] where the element is missing."""
    value = dataset.get(keyword)
    if value is None:
        return []
    items = [value] if isinstance(value, str) or not hasattr(value, "__iter__") else list(value)
    return [text for text in (str(item).strip(" \0").upper() for item in items) if text]


def word(dataset: Dataset, keyword: str) -> str:
    """The first value as upper-case text; "" where there is none."""
    return next(iter(words(dataset, keyword)), "")


def numbers(dataset: Dataset, keyword: str) -> list[float]:
    """All values as finite numbers; [] where the element is missing, empty or no number."""
    try:
        found = [float(text) for text in words(dataset, keyword)]
    except (ValueError, TypeError, OverflowError):
        return []
    return found if all(map(math.isfinite, found)) else []


def number(dataset: Dataset, keyword: str) -> float | None:
    """The first value as a finite number; None where there is none."""
    return next(iter(numbers(dataset, keyword)), None)
